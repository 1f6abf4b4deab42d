/* Handlers of dicts, sets and deques: see cascade/instructions/families/mappings.py. Included by kernel.h. */
