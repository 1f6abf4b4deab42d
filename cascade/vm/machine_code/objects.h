/* Machine code of objects: tests of classes, numbers in objects, items of lists, tuples and arrays. Included by machine_code.h.
 *
 * What is rare is left to the handlers. */

#define OBJECT_TYPE offsetof(PyObject, ob_type)
#define ITEM_COUNT offsetof(PyVarObject, ob_size)

static void compare_with(cascade_emitter *e, cascade_place place, const void *pointer)
{
    x_set(CODE, RDX, (int64_t)(intptr_t)pointer);
    x_operate(CODE, X_CMP, RDX, place);
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
    compare_class(e, int_in(e, p, 0, RAX), type);
    miss_if(e, CC_NE);
}

static void emit_any_class_test(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 0, RAX);
    x_load(CODE, RDX, at_memory(object, OBJECT_TYPE));
    operate(e, X_CMP, RDX, p, 1);
    miss_if(e, CC_NE);
}

/* RDX = the sign of an int of one digit, or 0, in an object; flags: not carry or zero where it has more. */
static int test_digits(cascade_emitter *e, int object)
{
    x_load(CODE, RDX, at_memory(object, CASCADE_INT_SIZE_AT));
    if (CASCADE_INT_IS_TAGGED) {
        x_operate_with(CODE, X_CMP, in_register(RDX), 2 * CASCADE_ONE_DIGIT);
        return CC_AE;
    }
    put_instruction(CODE, 0, 1, 0x8D, RCX, at_memory(RDX, 1));      /* lea */
    x_operate_with(CODE, X_CMP, in_register(RCX), 2);
    return CC_A;
}

/* RDX = 1, 0 or -1, from the size or the tag in it. */
static void take_sign(cascade_emitter *e)
{
    if (CASCADE_INT_IS_TAGGED) {
        x_operate_with(CODE, X_AND, in_register(RDX), 3);
        x_operate_on(CODE, X_NEG, in_register(RDX));
        x_increment(CODE, in_register(RDX));
    }
}

static void emit_unboxed_int(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, RAX);
    compare_class(e, object, &PyLong_Type);
    miss_if(e, CC_NE);
    cascade_aside *wide = aside(e, ASIDE_WIDE, x_jump(CODE, test_digits(e, object)));
    int32_t own = e->aside_count - 1;
    wide->undo_reg = (int8_t)object;
    take_sign(e);
    put_instruction(CODE, 0, 0, 0x8B, RAX, at_memory(object, CASCADE_DIGIT_AT));
    x_multiply(CODE, RAX, in_register(RDX));
    if (!CODE->failed)
        e->asides[own].resume = CODE->size;
    write_int(e, p, 0, RAX);
}

/* RAX = an int of two digits; RDX has its size or tag. */
static void emit_two_digits(cascade_emitter *e, int object)
{
    x_load(CODE, RCX, in_register(RDX));
    if (CASCADE_INT_IS_TAGGED) {
        x_operate_with(CODE, X_AND, in_register(RCX), -CASCADE_ONE_DIGIT);
        x_operate_with(CODE, X_CMP, in_register(RCX), 2 * CASCADE_ONE_DIGIT);
        leave_if(e, CC_NE);
        take_sign(e);
    }
    else {
        x_multiply(CODE, RCX, in_register(RCX));
        x_operate_with(CODE, X_CMP, in_register(RCX), 4);
        leave_if(e, CC_NE);
        x_shift_by(CODE, X_SAR, RDX, 1);
    }
    put_instruction(CODE, 0, 0, 0x8B, RCX, at_memory(object, CASCADE_DIGIT_AT + sizeof(digit)));
    put_instruction(CODE, 0, 0, 0x8B, RAX, at_memory(object, CASCADE_DIGIT_AT));
    x_shift_by(CODE, X_SHL, RCX, PyLong_SHIFT);
    x_operate(CODE, X_ADD, RAX, in_register(RCX));
    x_multiply(CODE, RAX, in_register(RDX));
}

static void emit_unboxed_float(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, RAX);
    compare_class(e, object, &PyFloat_Type);
    miss_if(e, CC_NE);
    cascade_place to = operand(e, p, 0);
    int reg = to.is_memory ? 15 : to.reg;
    x_load_float(CODE, reg, at_memory(object, CASCADE_FLOAT_AT));
    write_float(e, p, 0, reg);
}

static void emit_unboxed_bool(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, RCX);
    compare_with(e, in_register(object), Py_True);
    int32_t is_true = x_jump(CODE, CC_E);
    compare_with(e, in_register(object), Py_False);
    miss_if(e, CC_NE);
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
        x_load(CODE, RCX, at_memory(object, CASCADE_LIST_ITEMS_AT));
        x_load(CODE, RAX, at_item(RCX, RAX, 3, 0));
    }
    else
        x_load(CODE, RAX, at_item(object, RAX, 3, CASCADE_TUPLE_ITEMS_AT));
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

static void emit_next_byte(cascade_emitter *e, const cascade_part *p)
{
    cascade_place number = place_of(e, slot_of(e, p, 1) + 1);
    int object = int_in(e, p, 1, RDI);
    x_load(CODE, RAX, number);
    x_operate(CODE, X_CMP, RAX, at_memory(object, ITEM_COUNT));
    go_if(e, CC_GE, jump_target(e));
    x_load(CODE, RCX, at_memory(object, CASCADE_BYTEARRAY_AT));
    put_instruction(CODE, 0, 0, 0x0FB6, RAX, at_item(RCX, RAX, 0, 0));
    x_increment(CODE, number);
    write_int(e, p, 0, RAX);
}

/* ---- Stores into lists ------------------------------------------------------------------------------------------------ */

/* RAX = the old item, RCX = its address. */
static void find_stored(cascade_emitter *e, const cascade_part *p)
{
    int list = int_in(e, p, 0, RDI);
    load_int(e, RAX, p, 1);
    leave_unless_index(e, at_memory(list, ITEM_COUNT));
    x_load(CODE, RCX, at_memory(list, CASCADE_LIST_ITEMS_AT));
    put_instruction(CODE, 0, 1, 0x8D, RCX, at_item(RCX, RAX, 3, 0));    /* lea */
    x_load(CODE, RAX, at_memory(RCX, 0));
}

static void leave_unless_alone(cascade_emitter *e, int object)
{
    x_operate_with(CODE, X_CMP, at_memory(object, CASCADE_REFERENCES_AT), 1);
    leave_if(e, CC_NE);
}

/* A number that nobody else holds takes the new value in place. */
static void emit_float_store(cascade_emitter *e, const cascade_part *p)
{
    find_stored(e, p);
    compare_class(e, RAX, &PyFloat_Type);
    leave_if(e, CC_NE);
    leave_unless_alone(e, RAX);
    x_store_float(CODE, at_memory(RAX, CASCADE_FLOAT_AT), float_in(e, p, 2, 15));
}

/* The same, for positive ints of one digit that are no small ones. */
static void emit_int_store(cascade_emitter *e, const cascade_part *p)
{
    find_stored(e, p);
    compare_class(e, RAX, &PyLong_Type);
    leave_if(e, CC_NE);
    leave_unless_alone(e, RAX);
    leave_if(e, test_digits(e, RAX));
    load_int(e, RCX, p, 2);
    put_instruction(CODE, 0, 1, 0x8D, RDX, at_memory(RCX, -257));
    x_operate_with(CODE, X_CMP, in_register(RDX), PyLong_MASK - 257);
    leave_if(e, CC_A);
    put_instruction(CODE, 0, 0, 0x89, RCX, at_memory(RAX, CASCADE_DIGIT_AT));
    put_instruction(CODE, 0, 1, 0xC7, 0, at_memory(RAX, CASCADE_INT_SIZE_AT));
    put_32(CODE, CASCADE_ONE_DIGIT);
}

/* RDX = the bool of an operand, with a reference of its own. Changes RDI. */
static void take_bool(cascade_emitter *e, const cascade_part *p, int field)
{
    load_int(e, RDI, p, field);
    x_test(CODE, RDI);
    put_byte(CODE, 0x48);       /* the flags are kept: movabs */
    put_byte(CODE, 0xB8 | RDX);
    put_64(CODE, (uint64_t)(uintptr_t)Py_False);
    put_byte(CODE, 0x48);
    put_byte(CODE, 0xB8 | RDI);
    put_64(CODE, (uint64_t)(uintptr_t)Py_True);
    put_instruction(CODE, 0, 1, 0x0F40 | CC_NE, RDX, in_register(RDI));     /* cmov */
    if (!CASCADE_HAS_IMMORTALS)
        x_increment(CODE, at_memory(RDX, CASCADE_REFERENCES_AT));
}

/* A bool in place of a bool. */
static void emit_bool_store(cascade_emitter *e, const cascade_part *p)
{
    find_stored(e, p);
    compare_with(e, in_register(RAX), Py_True);
    int32_t is_true = x_jump(CODE, CC_E);
    compare_with(e, in_register(RAX), Py_False);
    leave_if(e, CC_NE);
    x_land(CODE, is_true, CODE->size);
    if (!CASCADE_HAS_IMMORTALS)
        x_decrement(CODE, at_memory(RAX, CASCADE_REFERENCES_AT));
    take_bool(e, p, 2);
    x_store(CODE, at_memory(RCX, 0), RDX);
}

/* Where there is room for one more item, whose reference is passed on. */
static void emit_append(cascade_emitter *e, const cascade_part *p)
{
    int list = int_in(e, p, 0, RDI);
    x_load(CODE, RCX, at_memory(list, ITEM_COUNT));
    x_operate(CODE, X_CMP, RCX, at_memory(list, CASCADE_LIST_ROOM_AT));
    leave_if(e, CC_GE);
    x_load(CODE, RDX, at_memory(list, CASCADE_LIST_ITEMS_AT));
    x_store(CODE, at_item(RDX, RCX, 3, 0), int_in(e, p, 1, RAX));
    x_increment(CODE, at_memory(list, ITEM_COUNT));
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

/* RAX = the address of the item of an array with indices from `field` on. */
static void find_known_item(cascade_emitter *e, const cascade_part *p, int field, int fact)
{
    for (int axis = 0; axis < e->plan->facts[fact].dimensions; axis++) {
        load_int(e, RAX, p, field + axis);
        leave_unless_index(e, place_of(e, fact_slot(e->plan, fact, FACT_COUNT0 + 2 * axis)));
        x_multiply(CODE, RAX, place_of(e, fact_slot(e->plan, fact, FACT_STRIDE0 + 2 * axis)));
        if (axis == 0)
            x_load(CODE, RDI, in_register(RAX));
        else
            x_operate(CODE, X_ADD, RAX, in_register(RDI));
    }
    x_operate(CODE, X_ADD, RAX, place_of(e, fact_slot(e->plan, fact, FACT_DATA)));
}

/* RAX = the address of the item that a part reads or writes. */
static void find_item(cascade_emitter *e, const cascade_part *p, int field)
{
    cascade_fact wanted;
    int fact = fact_of(e->plan, e->word, p, &wanted), array;
    if (fact >= 0) {
        find_known_item(e, p, field, fact);
        return;
    }
    array = int_in(e, p, wanted.field, RDI);
    leave_unless_array(e, array, wanted.element, wanted.dimensions, wanted.writes);
    go_along(e, p, field, array, 0);
    if (wanted.dimensions == 2) {
        x_float_of_bits(CODE, 15, RAX);     /* no other register is free */
        go_along(e, p, field + 1, array, 1);
        x_bits_of_float(CODE, RDX, 15);
        x_operate(CODE, X_ADD, RAX, in_register(RDX));
    }
    x_operate(CODE, X_ADD, RAX, at_memory(array, offsetof(cascade_ndarray, data)));
}

/* Finds out what a region takes for granted of its arrays, where it is entered at a word; where that does not hold, its handler is. */
static void establish_facts(cascade_emitter *e, int32_t word)
{
    cascade_plan *plan = e->plan;
    int region = plan->region_of[word];
    int32_t before = e->word;
    e->word = word;
    for (int fact = 0; region != NO_REGION && fact < plan->fact_count; fact++) {
        const cascade_fact *known = &plan->facts[fact];
        cascade_place array = place_of(e, known->slot);
        if (!(plan->regions[region].facts >> fact & 1))
            continue;
        x_load(CODE, RDI, array);
        int32_t first = e->aside_count;
        leave_unless_array(e, RDI, known->element, known->dimensions, known->writes);
        for (int32_t i = first; i < e->aside_count; i++)
            e->asides[i].dirty = 0;
        for (int number = FACT_DATA; number < FACT_COUNT0 + 2 * known->dimensions; number++) {
            cascade_place to = place_of(e, fact_slot(plan, fact, number));
            size_t offset = number == FACT_DATA ? offsetof(cascade_ndarray, data)
                : (number & 1) == (FACT_COUNT0 & 1) ? offsetof(cascade_ndarray, shape) : offsetof(cascade_ndarray, strides);
            x_load(CODE, RAX, at_memory(RDI, (int64_t)offset));
            if (number != FACT_DATA)
                x_load(CODE, RAX, at_memory(RAX, 8 * ((number - FACT_COUNT0) / 2)));
            x_put(CODE, to, RAX);
        }
    }
    e->word = before;
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

static void emit_array_item(cascade_emitter *e, const cascade_part *p, int element)
{
    find_item(e, p, 2);
    read_item(e, p, element);
}

static void emit_array_next(cascade_emitter *e, const cascade_part *p, int element)
{
    cascade_place number = place_of(e, slot_of(e, p, 1) + 1);
    cascade_fact wanted;
    int fact = fact_of(e->plan, e->word, p, &wanted);
    int array = fact >= 0 ? -1 : int_in(e, p, 1, RDI);
    if (fact < 0) {
        leave_unless_array(e, array, element, 1, 0);
        x_load(CODE, RCX, at_memory(array, offsetof(cascade_ndarray, shape)));
    }
    x_load(CODE, RAX, number);
    x_operate(CODE, X_CMP, RAX, fact >= 0 ? place_of(e, fact_slot(e->plan, fact, FACT_COUNT0)) : at_memory(RCX, 0));
    go_if(e, CC_GE, jump_target(e));
    if (fact >= 0) {
        x_multiply(CODE, RAX, place_of(e, fact_slot(e->plan, fact, FACT_STRIDE0)));
        x_operate(CODE, X_ADD, RAX, place_of(e, fact_slot(e->plan, fact, FACT_DATA)));
    }
    else {
        x_load(CODE, RDX, at_memory(array, offsetof(cascade_ndarray, strides)));
        x_multiply(CODE, RAX, at_memory(RDX, 0));
        x_operate(CODE, X_ADD, RAX, at_memory(array, offsetof(cascade_ndarray, data)));
    }
    read_item(e, p, element);
    x_increment(CODE, number);
}

static void emit_array_store(cascade_emitter *e, const cascade_part *p, int element, int dimensions)
{
    int field = dimensions + 1, value;
    find_item(e, p, 1);
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
