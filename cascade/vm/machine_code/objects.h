/* Machine code of objects: tests of classes, numbers in objects, items of lists, tuples and arrays. Included by machine_code.h.
 *
 * Nothing here makes or drops a reference. What is rare is left to the handlers. */

#define OBJECT_TYPE offsetof(PyObject, ob_type)
#define ITEM_COUNT offsetof(PyVarObject, ob_size)

static void compare_with(cascade_emitter *e, cascade_place place, const void *pointer)
{
    x_set(CODE, RDX, (int64_t)(intptr_t)pointer);
    x_operate(CODE, X_CMP, RDX, place);
}

/* `go_if` would lead to a stub as a rule; so the handler jumps there. */
static void leave_unless_class(cascade_emitter *e, int object, const PyTypeObject *type)
{
    compare_with(e, at_memory(object, OBJECT_TYPE), type);
    leave_if(e, CC_NE);
}

static void emit_class_test(cascade_emitter *e, const cascade_part *p, const PyTypeObject *type)
{
    leave_unless_class(e, int_in(e, p, 0, RAX), type);
}

static void emit_any_class_test(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 0, RAX);
    x_load(CODE, RDX, at_memory(object, OBJECT_TYPE));
    operate(e, X_CMP, RDX, p, 1);
    leave_if(e, CC_NE);
}

static void emit_unboxed_int(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, RAX);
    leave_unless_class(e, object, &PyLong_Type);
#if PY_VERSION_HEX >= 0x030C0000
    /* The tag has the number of digits from bit 3 on, and 0, 1 or 2 for the sign. */
    x_load(CODE, RDX, at_memory(object, offsetof(PyLongObject, long_value.lv_tag)));
    x_operate_with(CODE, X_CMP, in_register(RDX), 16);
    leave_if(e, CC_AE);
    put_instruction(CODE, 0, 0, 0x8B, RAX, at_memory(object, offsetof(PyLongObject, long_value.ob_digit)));
    x_operate_with(CODE, X_AND, in_register(RDX), 3);
    x_set(CODE, RCX, 1);
    x_operate(CODE, X_SUB, RCX, in_register(RDX));
    x_multiply(CODE, RAX, in_register(RCX));
#else
    x_load(CODE, RDX, at_memory(object, ITEM_COUNT));
    put_instruction(CODE, 0, 1, 0x8D, RCX, at_memory(RDX, 1));      /* lea */
    x_operate_with(CODE, X_CMP, in_register(RCX), 2);
    leave_if(e, CC_A);
    put_instruction(CODE, 0, 0, 0x8B, RAX, at_memory(object, offsetof(PyLongObject, ob_digit)));
    x_multiply(CODE, RAX, in_register(RDX));
#endif
    write_int(e, p, 0, RAX);
}

static void emit_unboxed_float(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, RAX);
    leave_unless_class(e, object, &PyFloat_Type);
    cascade_place to = operand(e, p, 0);
    int reg = to.is_memory ? 15 : to.reg;
    x_load_float(CODE, reg, at_memory(object, offsetof(PyFloatObject, ob_fval)));
    write_float(e, p, 0, reg);
}

static void emit_unboxed_bool(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, RCX);
    compare_with(e, in_register(object), Py_True);
    int32_t is_true = x_jump(CODE, CC_E);
    compare_with(e, in_register(object), Py_False);
    leave_if(e, CC_NE);
    x_land(CODE, is_true, CODE->size);
    compare_with(e, in_register(object), Py_True);
    x_set_if(CODE, CC_E);
    write_int(e, p, 0, RAX);
}

static void emit_size(cascade_emitter *e, const cascade_part *p)
{
    x_load(CODE, RAX, at_memory(int_in(e, p, 1, RAX), ITEM_COUNT));
    write_int(e, p, 0, RAX);
}

/* Makes the index in RAX count from the start of `count` items; leaves where there is no such item. */
static void leave_unless_index(cascade_emitter *e, cascade_place count)
{
    x_operate(CODE, X_CMP, RAX, count);
    cascade_aside *negative = aside(e, ASIDE_INDEX, x_jump(CODE, CC_AE));
    negative->undo_from = count;
    negative->resume = CODE->size;
}

/* RAX = the item with the number in RAX of a list or tuple. */
static void take_item(cascade_emitter *e, int object, int of_list)
{
    if (of_list) {
        x_load(CODE, RCX, at_memory(object, offsetof(PyListObject, ob_item)));
        x_load(CODE, RAX, at_item(RCX, RAX, 3, 0));
    }
    else
        x_load(CODE, RAX, at_item(object, RAX, 3, offsetof(PyTupleObject, ob_item)));
}

static void emit_item(cascade_emitter *e, const cascade_part *p, int of_list)
{
    int object = int_in(e, p, 1, RDI);
    load_int(e, RAX, p, 2);
    leave_unless_index(e, at_memory(object, ITEM_COUNT));
    take_item(e, object, of_list);
    write_int(e, p, 0, RAX);
}

/* The next item of the iterator at operand b: the object, and the number of the next one. At the end to f, or back to f unless there. */
static void emit_next_item(cascade_emitter *e, const cascade_part *p, int of_list, int goes_back)
{
    int32_t iterator = slot_of(e, p, 1);
    cascade_place number = place_of(e, iterator + 1);
    int object = int_in(e, p, 1, RDI);
    int32_t over = 0;
    x_load(CODE, RAX, number);
    x_operate(CODE, X_CMP, RAX, at_memory(object, ITEM_COUNT));
    if (goes_back)
        over = x_jump(CODE, CC_GE);
    else
        go_if(e, CC_GE, jump_target(e));
    take_item(e, object, of_list);
    x_increment(CODE, number);
    write_int(e, p, 0, RAX);
    if (goes_back) {
        go_back(e);
        x_land(CODE, over, CODE->size);
    }
}

/* ---- Arrays ---------------------------------------------------------------------------------------------------------- */

/* Leaves unless an object, an ndarray, has items of a kind and so many dimensions, and may be written to if it is. */
static void leave_unless_array(cascade_emitter *e, int array, int element, int dimensions, int writes)
{
    compare_with(e, at_memory(array, offsetof(cascade_ndarray, descr)), cascade_descrs[element]);
    leave_if(e, CC_NE);
    put_instruction(CODE, 0, 0, 0x83, 7, at_memory(array, offsetof(cascade_ndarray, dimensions)));     /* cmp of 32 bits */
    put_byte(CODE, dimensions);
    leave_if(e, CC_NE);
    if (writes) {
        put_instruction(CODE, 0, 0, 0x8B, RAX, at_memory(array, offsetof(cascade_ndarray, flags)));
        put_instruction(CODE, 0, 0, 0x81, 4, in_register(RAX));     /* and of 32 bits */
        put_32(CODE, CASCADE_WRITEABLE | CASCADE_WARNS_ON_WRITE);
        put_instruction(CODE, 0, 0, 0x81, 7, in_register(RAX));
        put_32(CODE, CASCADE_WRITEABLE);
        leave_if(e, CC_NE);
    }
}

/* RAX = the distance along an axis to the index at `field`. */
static void go_along(cascade_emitter *e, const cascade_part *p, int field, int array, int axis)
{
    x_load(CODE, RCX, at_memory(array, offsetof(cascade_ndarray, shape)));
    load_int(e, RAX, p, field);
    leave_unless_index(e, at_memory(RCX, 8 * axis));
    x_load(CODE, RDX, at_memory(array, offsetof(cascade_ndarray, strides)));
    x_multiply(CODE, RAX, at_memory(RDX, 8 * axis));
}

/* RAX = the address of an item. */
static void find_item(cascade_emitter *e, const cascade_part *p, int field, int array, int dimensions)
{
    if (dimensions == 1)
        go_along(e, p, field, array, 0);
    else {
        go_along(e, p, field, array, 0);
        x_float_of_bits(CODE, 15, RAX);     /* no other register is free */
        go_along(e, p, field + 1, array, 1);
        x_bits_of_float(CODE, RDX, 15);
        x_operate(CODE, X_ADD, RAX, in_register(RDX));
    }
    x_operate(CODE, X_ADD, RAX, at_memory(array, offsetof(cascade_ndarray, data)));
}

/* Operand a = the item at the address in RAX. */
static void read_item(cascade_emitter *e, const cascade_part *p, int element)
{
    cascade_place from = at_memory(RAX, 0);
    switch (element) {
    case CASCADE_FLOAT64:
        x_load_float(CODE, 15, from);
        write_float(e, p, 0, 15);
        return;
    case CASCADE_FLOAT32:
        put_instruction(CODE, 0xF3, 0, 0x0F5A, 15, from);       /* to double */
        x_compare_float(CODE, 15, in_register(15));
        leave_if(e, CC_P);
        write_float(e, p, 0, 15);
        return;
    case CASCADE_INT64: x_load(CODE, RAX, from); break;
    case CASCADE_INT32: put_instruction(CODE, 0, 1, 0x63, RAX, from); break;
    default: put_instruction(CODE, 0, 0, 0x0FB6, RAX, from);
    }
    if (element == CASCADE_BOOL) {
        x_test(CODE, RAX);
        x_set_if(CODE, CC_NE);
    }
    write_int(e, p, 0, RAX);
}

static void emit_array_item(cascade_emitter *e, const cascade_part *p, int element, int dimensions)
{
    int array = int_in(e, p, 1, RDI);
    leave_unless_array(e, array, element, dimensions, 0);
    find_item(e, p, 2, array, dimensions);
    read_item(e, p, element);
}

static void emit_array_next(cascade_emitter *e, const cascade_part *p, int element)
{
    int array = int_in(e, p, 1, RDI);
    cascade_place number = place_of(e, slot_of(e, p, 1) + 1);
    leave_unless_array(e, array, element, 1, 0);
    x_load(CODE, RCX, at_memory(array, offsetof(cascade_ndarray, shape)));
    x_load(CODE, RAX, number);
    x_operate(CODE, X_CMP, RAX, at_memory(RCX, 0));
    go_if(e, CC_GE, jump_target(e));
    x_load(CODE, RDX, at_memory(array, offsetof(cascade_ndarray, strides)));
    x_multiply(CODE, RAX, at_memory(RDX, 0));
    x_operate(CODE, X_ADD, RAX, at_memory(array, offsetof(cascade_ndarray, data)));
    read_item(e, p, element);
    x_increment(CODE, number);
}

static void emit_array_store(cascade_emitter *e, const cascade_part *p, int element, int dimensions)
{
    int array = int_in(e, p, 0, RDI), field = dimensions + 1, value;
    leave_unless_array(e, array, element, dimensions, 1);
    find_item(e, p, 1, array, dimensions);
    cascade_place to = at_memory(RAX, 0);
    if (element == CASCADE_FLOAT64) {
        x_store_float(CODE, to, float_in(e, p, field, 15));
        return;
    }
    value = int_in(e, p, field, RDX);
    switch (element) {
    case CASCADE_INT64: x_store(CODE, to, value); return;
    case CASCADE_INT32:
        put_instruction(CODE, 0, 1, 0x63, RCX, in_register(value));
        x_operate(CODE, X_CMP, RCX, in_register(value));
        leave_if(e, CC_NE);
        put_instruction(CODE, 0, 0, 0x89, RCX, to);
        return;
    case CASCADE_UINT8:
        x_operate_with(CODE, X_CMP, in_register(value), 255);
        leave_if(e, CC_A);
        x_load(CODE, RCX, in_register(value));
        break;
    default:
        x_load(CODE, RDX, in_register(value));
        x_load(CODE, RDI, in_register(RAX));
        x_test(CODE, RDX);
        x_set_if(CODE, CC_NE);
        x_load(CODE, RCX, in_register(RAX));
        to = at_memory(RDI, 0);
    }
    put_instruction(CODE, 0, 0, 0x88, RCX, to);
}
