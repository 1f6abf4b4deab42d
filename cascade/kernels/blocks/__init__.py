"""Typed code made from bytecode, basic block by basic block."""
