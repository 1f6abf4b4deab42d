/* Handlers of text and bytes: see cascade/instructions/families/text.py. Included by kernel.h. */
