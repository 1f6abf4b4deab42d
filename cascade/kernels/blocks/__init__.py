"""A function's bytecode -> typed code, block by block, for the types that come (lazy basic block versioning).

The modules, in the order in which a function goes through them:

    decode      CPython's instructions, of every version, as one list
    admission   refuses functions that cannot be exact
    values      what is known of variables and of the value stack at a program point
    chunks      instructions over names of registers -> words
    translator  one block after the other: versions, stubs, side exits
        numbers, sequences, iteration, calls, names: the forms of CPython's instructions, by subject
        python_calls, comprehensions, consumers: calls from kernel to kernel
        generic     what has none: call-outs
    verify      checks what is added to a kernel, in tests and where the environment has CASCADE_VERIFY_BLOCKS
    resume      continuations and call-outs as functions of CPython's
    kernel      the hooks for the extension

Unlike `cascade.kernels.builder`, which translates whole functions of numbers ahead, nothing is refused for its types: where
there is no typed form, CPython executes the instruction (a call-out), or the rest of the function (a side exit).
"""
