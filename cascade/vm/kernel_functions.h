/* Handlers of functions of Python's own: random, sum, min, max and others: see cascade/instructions/families/functions.py. Included by kernel.h. */
