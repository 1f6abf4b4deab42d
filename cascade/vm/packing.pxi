# Lists of numbers as bytes, and back, to be sent to other processes. Included by _vm.pyx.

def pack_items(list items not None, Py_ssize_t start, Py_ssize_t end):
    """Returns (code, bytes) of the items from `start` up to `end`; None where they are not all ints of 64 bits, all floats, or all bools.

    The code is "i", "d" or "b"; each item takes eight bytes, as in a register.
    """
    cdef Py_ssize_t i, count
    cdef PyObject* value
    cdef Register* at
    cdef char code
    end = min(end, len(items))
    count = end - start
    if start < 0 or count <= 0:
        return None
    code = code_of(type_of(<PyObject*>PyList_GET_ITEM(items, start)))
    if code != b"i" and code != b"d" and code != b"b":
        return None
    packed = bytearray(count * <Py_ssize_t>sizeof(Register))
    at = <Register*><char*>packed
    for i in range(start, end):
        value = <PyObject*>PyList_GET_ITEM(items, i)
        if code_of(type_of(value)) != code or not read_one(code, value, at):
            return None
        at += 1
    return chr(code), packed


def unpack_items(str code not None, packed):
    """Returns the list of items that `pack_items` packed.

    Raises:
        ValueError: there is no such code, or part of an item is missing.
    """
    cdef Py_buffer view
    cdef Py_ssize_t i, count
    cdef Register* at
    cdef char kind
    if code not in ("i", "d", "b"):
        raise ValueError(f"no items are packed as {code!r}")
    kind = <char>ord(code)
    PyObject_GetBuffer(packed, &view, PyBUF_SIMPLE)
    try:
        if view.len % <Py_ssize_t>sizeof(Register):
            raise ValueError("part of a packed item is missing")
        count = view.len // <Py_ssize_t>sizeof(Register)
        at = <Register*>view.buf
        return [take_new(cascade_boxed(at[i], kind)) for i in range(count)]
    finally:
        PyBuffer_Release(&view)
