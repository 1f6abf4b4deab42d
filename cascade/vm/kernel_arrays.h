/* Handlers of arrays and buffers: see cascade/instructions/families/arrays.py. Included by kernel.h. */
