"""Rows of kernel instructions that touch objects, a module for each family; the handlers stand in cascade/vm/kernel_<family>.h.

They are used in code that is made block by block (cascade/kernels/blocks), with the GIL. The signs of operands are those of
`cascade.instructions.kernel`.
"""
