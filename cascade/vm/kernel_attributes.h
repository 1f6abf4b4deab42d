/* Handlers of attributes and methods of objects: see cascade/instructions/families/attributes.py. Included by kernel.h. */
