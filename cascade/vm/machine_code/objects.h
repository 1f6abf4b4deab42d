/* Machine code of objects: tests of classes, numbers in objects, items of lists and tuples. Included by machine_code.h.
 *
 * What is rare is left to the handlers. */

#define OBJECT_TYPE offsetof(PyObject, ob_type)
#define ITEM_COUNT offsetof(PyVarObject, ob_size)

/* ---- References ------------------------------------------------------------------------------------------------------ */

/* Counts one more reference of an object; an immortal one has none. Changes T2. */
static void add_reference(cascade_emitter *e, int object)
{
    if (!CASCADE_HAS_IMMORTALS) {
        m_increment(CODE, at_memory(object, CASCADE_REFERENCES_AT));
        return;
    }
    m_load_32(CODE, T2, at_memory(object, CASCADE_REFERENCES_AT));
    m_operate_32_with(CODE, M_ADD, in_register(T2), 1);
    int32_t over = m_jump(CODE, CC_E);
    m_store_32(CODE, at_memory(object, CASCADE_REFERENCES_AT), T2);
    m_land(CODE, over, CODE->size);
}

/* Leaves where an object has one reference. Changes T2, which is negative, as 32 bits, behind it where the object is immortal. */
static void leave_if_last(cascade_emitter *e, int object)
{
    if (CASCADE_HAS_IMMORTALS) {
        m_load_32(CODE, T2, at_memory(object, CASCADE_REFERENCES_AT));
        m_operate_32_with(CODE, M_CMP, in_register(T2), 1);
    }
    else {
        m_load(CODE, T2, at_memory(object, CASCADE_REFERENCES_AT));
        m_operate_with(CODE, M_CMP, in_register(T2), 1);
    }
    leave_if(e, CC_E);
}

/* Drops a reference that is not the last one, behind `leave_if_last`; T2 is as it was there. */
static void drop_reference(cascade_emitter *e, int object)
{
    int32_t over = 0;
    if (CASCADE_HAS_IMMORTALS) {
        m_operate_32_with(CODE, M_CMP, in_register(T2), 0);
        over = m_jump(CODE, CC_S);
    }
    m_decrement(CODE, at_memory(object, CASCADE_REFERENCES_AT));
    if (CASCADE_HAS_IMMORTALS)
        m_land(CODE, over, CODE->size);
}

/* ---- Classes, and numbers in objects ---------------------------------------------------------------------------------- */

static void compare_with(cascade_emitter *e, cascade_place place, const void *pointer)
{
    m_set(CODE, T2, (int64_t)(intptr_t)pointer);
    m_operate(CODE, M_CMP, T2, place);
}

/* Goes to f where the condition holds; what is not made yet is left to the handler. */
static void miss_if(cascade_emitter *e, int condition)
{
    if (final_target(e->plan, jump_target(e)) < e->plan->length)
        go_if(e, condition, jump_target(e));
    else
        leave_if(e, condition);
}

static void compare_class(cascade_emitter *e, int object, const PyTypeObject *type)
{
    compare_with(e, at_memory(object, OBJECT_TYPE), type);
}

static void emit_class_test(cascade_emitter *e, const cascade_part *p, const PyTypeObject *type)
{
    compare_class(e, int_in(e, p, 0, T0), type);
    miss_if(e, CC_NE);
}

static void emit_any_class_test(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 0, T0);
    m_load(CODE, T2, at_memory(object, OBJECT_TYPE));
    operate(e, M_CMP, T2, p, 1);
    miss_if(e, CC_NE);
}

/* T2 = the sign of an int of one digit, or 0, in an object; flags: not carry or zero where it has more. */
static int test_digits(cascade_emitter *e, int object)
{
    m_load(CODE, T2, at_memory(object, CASCADE_INT_SIZE_AT));
    if (CASCADE_INT_IS_TAGGED) {
        m_operate_with(CODE, M_CMP, in_register(T2), 2 * CASCADE_ONE_DIGIT);
        return CC_AE;
    }
    m_address(CODE, T1, at_memory(T2, 1));
    m_operate_with(CODE, M_CMP, in_register(T1), 2);
    return CC_A;
}

/* T2 = 1, 0 or -1, from the size or the tag in it. */
static void take_sign(cascade_emitter *e)
{
    if (CASCADE_INT_IS_TAGGED) {
        m_operate_with(CODE, M_AND, in_register(T2), 3);
        m_negate(CODE, T2);
        m_increment(CODE, in_register(T2));
    }
}

static void emit_unboxed_int(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, T0);
    compare_class(e, object, &PyLong_Type);
    miss_if(e, CC_NE);
    cascade_aside *wide = aside(e, ASIDE_WIDE, m_jump(CODE, test_digits(e, object)));
    int32_t own = e->aside_count - 1;
    wide->undo_reg = (int8_t)object;
    take_sign(e);
    m_load_32(CODE, T0, at_memory(object, CASCADE_DIGIT_AT));
    m_multiply(CODE, T0, in_register(T2));
    if (!CODE->failed)
        e->asides[own].resume = CODE->size;
    write_int(e, p, 0, T0);
}

/* T0 = an int of two digits; T2 has its size or tag. */
static void emit_two_digits(cascade_emitter *e, int object)
{
    m_load(CODE, T1, in_register(T2));
    if (CASCADE_INT_IS_TAGGED) {
        m_operate_with(CODE, M_AND, in_register(T1), -CASCADE_ONE_DIGIT);
        m_operate_with(CODE, M_CMP, in_register(T1), 2 * CASCADE_ONE_DIGIT);
        leave_if(e, CC_NE);
        take_sign(e);
    }
    else {
        m_multiply(CODE, T1, in_register(T1));
        m_operate_with(CODE, M_CMP, in_register(T1), 4);
        leave_if(e, CC_NE);
        m_shift_by(CODE, M_SAR, T2, 1);
    }
    m_load_32(CODE, T1, at_memory(object, CASCADE_DIGIT_AT + sizeof(digit)));
    m_load_32(CODE, T0, at_memory(object, CASCADE_DIGIT_AT));
    m_shift_by(CODE, M_SHL, T1, PyLong_SHIFT);
    m_operate(CODE, M_ADD, T0, in_register(T1));
    m_multiply(CODE, T0, in_register(T2));
}

static void emit_unboxed_float(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, T0);
    compare_class(e, object, &PyFloat_Type);
    miss_if(e, CC_NE);
    m_load_float(CODE, F2, at_memory(object, CASCADE_FLOAT_AT));
    m_compare_float(CODE, F2, in_register(F2));
    miss_if(e, CC_U);
    write_float(e, p, 0, F2);
}

static void emit_nan_exit(cascade_emitter *e, const cascade_part *p)
{
    int reg = float_in(e, p, 0, F2);
    m_compare_float(CODE, reg, in_register(reg));
    leave_if(e, CC_U);
}

static void emit_unboxed_bool(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, T1);
    compare_with(e, in_register(object), Py_True);
    int32_t is_true = m_jump(CODE, CC_E);
    compare_with(e, in_register(object), Py_False);
    miss_if(e, CC_NE);
    m_land(CODE, is_true, CODE->size);
    compare_with(e, in_register(object), Py_True);
    m_set_if(CODE, CC_E);
    write_int(e, p, 0, T0);
}

static void emit_size(cascade_emitter *e, const cascade_part *p)
{
    m_load(CODE, T0, at_memory(int_in(e, p, 1, T0), ITEM_COUNT));
    write_int(e, p, 0, T0);
}

/* Makes the index in T0 count from the start of `count` items; leaves where there is no such item. */
static void leave_unless_index(cascade_emitter *e, cascade_place count)
{
    m_operate(CODE, M_CMP, T0, count);
    cascade_aside *negative = aside(e, ASIDE_INDEX, m_jump(CODE, CC_AE));
    negative->undo_from = count;
    negative->resume = CODE->size;
}

enum { OF_LIST, OF_TUPLE, OF_TEXT, OF_BYTES, OF_BYTEARRAY };

/* T0 = the item with the number in T0. */
static void take_item(cascade_emitter *e, int object, int of)
{
    switch (of) {
    case OF_LIST:
        m_load(CODE, T1, at_memory(object, CASCADE_LIST_ITEMS_AT));
        m_load(CODE, T0, at_item(T1, T0, 3, 0));
        break;
    case OF_TUPLE: m_load(CODE, T0, at_item(object, T0, 3, CASCADE_TUPLE_ITEMS_AT)); break;
    case OF_TEXT: take_character(e, object); break;
    case OF_BYTES: m_load_8(CODE, T0, at_item(object, T0, 0, CASCADE_BYTES_AT)); break;
    default:
        m_load(CODE, T1, at_memory(object, CASCADE_BYTEARRAY_AT));
        m_load_8(CODE, T0, at_item(T1, T0, 0, 0));
    }
}

static void emit_item(cascade_emitter *e, const cascade_part *p, int of)
{
    int object = int_in(e, p, 1, T3);
    if (of == OF_TEXT)
        leave_unless_latin(e, object);
    load_int(e, T0, p, 2);
    leave_unless_index(e, at_memory(object, ITEM_COUNT));
    take_item(e, object, of);
    write_int(e, p, 0, T0);
}

/* The next item of the iterator at operand b: the object, and the number of the next one. At the end to f, or back to f unless there. */
static void emit_next_item(cascade_emitter *e, const cascade_part *p, int of, int goes_back)
{
    int32_t iterator = slot_of(e, p, 1);
    cascade_place number = place_of(e, iterator + 1);
    int object = int_in(e, p, 1, T3);
    int32_t over = 0;
    if (of == OF_TEXT)
        leave_unless_latin(e, object);
    m_load(CODE, T0, number);
    m_operate(CODE, M_CMP, T0, at_memory(object, ITEM_COUNT));
    if (goes_back)
        over = m_jump(CODE, CC_GE);
    else
        go_if(e, CC_GE, jump_target(e));
    take_item(e, object, of);
    m_increment(CODE, number);
    write_int(e, p, 0, T0);
    if (goes_back) {
        go_back(e);
        m_land(CODE, over, CODE->size);
    }
}

static void emit_byte_store(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 0, T3);
    load_int(e, T0, p, 1);
    leave_unless_index(e, at_memory(object, ITEM_COUNT));
    load_int(e, T2, p, 2);
    m_operate_with(CODE, M_CMP, in_register(T2), 255);
    leave_if(e, CC_A);
    m_load(CODE, T1, at_memory(object, CASCADE_BYTEARRAY_AT));
    m_store_8(CODE, at_item(T1, T0, 0, 0), T2);
}

static void emit_text_size(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, T0);
    if (cascade_text_state(0, 0, 0) != 0) {
        m_test_32_with(CODE, text_state(object), cascade_text_state(0, 0, 0));
        leave_if(e, CC_E);
    }
    emit_size(e, p);
}

/* ---- Stores into lists, and of attributes: T0 = the old value, T1 = its address --------------------------------------- */

static void find_stored(cascade_emitter *e, const cascade_part *p)
{
    int list = int_in(e, p, 0, T3);
    load_int(e, T0, p, 1);
    leave_unless_index(e, at_memory(list, ITEM_COUNT));
    m_load(CODE, T1, at_memory(list, CASCADE_LIST_ITEMS_AT));
    m_address(CODE, T1, at_item(T1, T0, 3, 0));
    m_load(CODE, T0, at_memory(T1, 0));
}

static void leave_unless_alone(cascade_emitter *e, int object)
{
    m_operate_with(CODE, M_CMP, at_memory(object, CASCADE_REFERENCES_AT), 1);
    leave_if(e, CC_NE);
}

/* A number that nobody else holds takes the new value in place. */
static void store_float(cascade_emitter *e, const cascade_part *p, int field)
{
    compare_class(e, T0, &PyFloat_Type);
    leave_if(e, CC_NE);
    leave_unless_alone(e, T0);
    m_store_float(CODE, at_memory(T0, CASCADE_FLOAT_AT), float_in(e, p, field, F2));
}

/* Whether CPython has made the int in a register once and for all; T2 is lost. */
static int test_small_int(cascade_emitter *e, int reg)
{
    m_address(CODE, T2, at_memory(reg, -CASCADE_LEAST_SMALL));
    m_operate_with(CODE, M_CMP, in_register(T2), CASCADE_MOST_SMALL - CASCADE_LEAST_SMALL);
    return CC_BE;
}

/* Makes such an int its object, without a reference; T2 is lost. */
static void take_small_int(cascade_emitter *e, int reg)
{
    m_shift_by(CODE, M_SHL, reg, cascade_small_shift);
    m_set(CODE, T2, (int64_t)(intptr_t)cascade_small_zero);
    m_operate(CODE, M_ADD, reg, in_register(T2));
}

/* One more reference of an object that is immortal where there are such ones. */
static void hold_lasting(cascade_emitter *e, int object)
{
    if (!CASCADE_HAS_IMMORTALS)
        m_increment(CODE, at_memory(object, CASCADE_REFERENCES_AT));
}

static void leave_unless_small(cascade_emitter *e, int reg) { leave_if(e, cascade_small_zero == NULL ? CC_ALWAYS : test_small_int(e, reg) ^ 1); }

/* T0, the item at T1 that others hold, too, becomes the lasting object in T3. Returns the jump where it is that already: no count changes then,
 * as a count in memory that is changed again and again takes longer than all the rest. */
static int32_t replace_by_lasting(cascade_emitter *e)
{
    m_operate(CODE, M_CMP, T0, in_register(T3));
    int32_t is_same = m_jump(CODE, CC_E);
    leave_if_last(e, T0);
    drop_reference(e, T0);
    hold_lasting(e, T3);
    m_store(CODE, at_memory(T1, 0), T3);
    return is_same;
}

/* One of the lasting ints in place of any object; another one that has one digit and is positive becomes the value of an int that nobody
 * else holds. */
static void store_int(cascade_emitter *e, const cascade_part *p, int field)
{
    int32_t is_other = 0, is_same = 0, end = 0;
    if (cascade_small_zero != NULL) {
        load_int(e, T3, p, field);
        is_other = m_jump(CODE, test_small_int(e, T3) ^ 1);
        take_small_int(e, T3);
        is_same = replace_by_lasting(e);
        end = m_jump(CODE, CC_ALWAYS);
        m_land(CODE, is_other, CODE->size);
    }
    compare_class(e, T0, &PyLong_Type);
    leave_if(e, CC_NE);
    leave_unless_alone(e, T0);
    leave_if(e, test_digits(e, T0));
    load_int(e, T1, p, field);
    m_address(CODE, T2, at_memory(T1, -CASCADE_MOST_SMALL - 1));
    m_operate_with(CODE, M_CMP, in_register(T2), PyLong_MASK - CASCADE_MOST_SMALL - 1);
    leave_if(e, CC_A);
    m_store_32(CODE, at_memory(T0, CASCADE_DIGIT_AT), T1);
    m_store_value(CODE, at_memory(T0, CASCADE_INT_SIZE_AT), CASCADE_ONE_DIGIT);
    if (cascade_small_zero != NULL) {
        m_land(CODE, is_same, CODE->size);
        m_land(CODE, end, CODE->size);
    }
}

/* An object in place of one that others hold, too. */
static void store_object(cascade_emitter *e, const cascade_part *p, int field, int is_owned)
{
    int object;
    leave_if_last(e, T0);
    drop_reference(e, T0);
    object = int_in(e, p, field, T0);
    m_store(CODE, at_memory(T1, 0), object);
    if (!is_owned)
        add_reference(e, object);
}

/* T3 = the bool of an operand, without a reference; T2 is lost. */
static void take_bool(cascade_emitter *e, const cascade_part *p, int field)
{
    if (is_known(e, p, field)) {
        m_set(CODE, T3, (int64_t)(intptr_t)(known(e, p, field) ? Py_True : Py_False));
        return;
    }
    load_int(e, T2, p, field);
    m_test(CODE, T2);
    m_set(CODE, T3, (int64_t)(intptr_t)Py_False);       /* the flags are kept, as it is not zero */
    m_set(CODE, T2, (int64_t)(intptr_t)Py_True);
    m_load_if(CODE, CC_NE, T3, T2);
}

static void store_bool(cascade_emitter *e, const cascade_part *p, int field)
{
    take_bool(e, p, field);
    int32_t is_same = replace_by_lasting(e);
    m_land(CODE, is_same, CODE->size);
}

static void emit_list_store(cascade_emitter *e, const cascade_part *p)
{
    find_stored(e, p);
    switch (p->name) {
    case PART_LIST_STORE_FLOAT: store_float(e, p, 2); break;
    case PART_LIST_STORE_INT: store_int(e, p, 2); break;
    case PART_LIST_STORE_BOOL: store_bool(e, p, 2); break;
    case PART_LIST_STORE_BORROWED: store_object(e, p, 2, 0); break;
    default: store_object(e, p, 2, 1);
    }
}

/* T1 = the number of items of a list, where there is room for one more. */
static void leave_unless_room(cascade_emitter *e, int list)
{
    m_load(CODE, T1, at_memory(list, ITEM_COUNT));
    m_operate(CODE, M_CMP, T1, at_memory(list, CASCADE_LIST_ROOM_AT));
    leave_if(e, CC_GE);
}

/* Where there is room for one more item, whose reference is passed on. */
static void emit_append(cascade_emitter *e, const cascade_part *p)
{
    int list = int_in(e, p, 0, T3);
    leave_unless_room(e, list);
    m_load(CODE, T2, at_memory(list, CASCADE_LIST_ITEMS_AT));
    m_store(CODE, at_item(T2, T1, 3, 0), int_in(e, p, 1, T0));
    m_increment(CODE, at_memory(list, ITEM_COUNT));
}

/* The same for an int that CPython has made once and for all. */
static void emit_append_int(cascade_emitter *e, const cascade_part *p)
{
    int list = int_in(e, p, 0, T3);
    leave_unless_room(e, list);
    load_int(e, T0, p, 1);
    leave_unless_small(e, T0);
    take_small_int(e, T0);
    hold_lasting(e, T0);
    m_load(CODE, T2, at_memory(list, CASCADE_LIST_ITEMS_AT));
    m_store(CODE, at_item(T2, T1, 3, 0), T0);
    m_increment(CODE, at_memory(list, ITEM_COUNT));
}

/* Takes the last item, with its reference, where the list's memory stays as large as it is. */
static void emit_pop(cascade_emitter *e, const cascade_part *p)
{
    int list = int_in(e, p, 1, T3);
    m_load(CODE, T0, at_memory(list, ITEM_COUNT));
    m_operate_with(CODE, M_SUB, in_register(T0), 1);
    leave_if(e, CC_S);
    m_load(CODE, T1, at_memory(list, CASCADE_LIST_ROOM_AT));
    m_shift_by(CODE, M_SAR, T1, 1);
    m_operate(CODE, M_CMP, T0, in_register(T1));
    leave_if(e, CC_L);
    m_store(CODE, at_memory(list, ITEM_COUNT), T0);
    take_item(e, list, OF_LIST);
    write_int(e, p, 0, T0);
}

static void emit_boxed_int(cascade_emitter *e, const cascade_part *p)
{
    load_int(e, T0, p, 1);
    leave_unless_small(e, T0);
    take_small_int(e, T0);
    hold_lasting(e, T0);
    write_int(e, p, 0, T0);
}

static void emit_boxed_bool(cascade_emitter *e, const cascade_part *p)
{
    take_bool(e, p, 1);
    hold_lasting(e, T3);
    write_int(e, p, 0, T3);
}

/* The truth of a list or tuple. */
static void emit_truth(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, T3);
    compare_class(e, object, &PyList_Type);
    int32_t is_list = m_jump(CODE, CC_E);
    compare_class(e, object, &PyTuple_Type);
    leave_if(e, CC_NE);
    m_land(CODE, is_list, CODE->size);
    m_operate_with(CODE, M_CMP, at_memory(object, ITEM_COUNT), 0);
    m_set_if(CODE, CC_NE);
    write_int(e, p, 0, T0);
}
