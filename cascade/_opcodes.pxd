# Generated from cascade/opcodes.py by tools/generate.py; do not edit.

cdef enum Opcode:
    CALL_ONE = 0
    CALL = 1
    CALL_MANAGED = 2
    LOOP = 3
    LOOP_MANAGED = 4
    LIST = 5
    TUPLE = 6
    SET = 7
    DICT = 8
    REBUILD = 9
    RETURN = 10
