/* Machine code of NumPy arrays: items, stores, iteration, and what loops take for granted of arrays. Included by machine_code.h.
 *
 * A loop that takes arrays for granted is made twice: for arrays whose items stand side by side along the last axis, where an item's address
 * is an operand of the processor's, and for any strides. Which one is executed is decided where the loop is entered. */

/* Leaves unless an object, an ndarray, has items of a kind and so many dimensions, and may be written to if it is. */
static void leave_unless_array(cascade_emitter *e, int array, int element, int dimensions, int writes)
{
    compare_with(e, at_memory(array, offsetof(cascade_ndarray, descr)), cascade_descrs[element]);
    leave_if(e, CC_NE);
    m_operate_32_with(CODE, M_CMP, at_memory(array, offsetof(cascade_ndarray, dimensions)), dimensions);
    leave_if(e, CC_NE);
    if (writes) {
        m_load_32(CODE, T0, at_memory(array, offsetof(cascade_ndarray, flags)));
        m_operate_32_with(CODE, M_AND, in_register(T0), (int32_t)(CASCADE_WRITEABLE | CASCADE_WARNS_ON_WRITE));
        m_operate_32_with(CODE, M_CMP, in_register(T0), CASCADE_WRITEABLE);
        leave_if(e, CC_NE);
    }
}

/* T0 = the distance along an axis to the index at `field`. */
static void go_along(cascade_emitter *e, const cascade_part *p, int field, int array, int axis)
{
    m_load(CODE, T1, at_memory(array, offsetof(cascade_ndarray, shape)));
    load_int(e, T0, p, field);
    leave_unless_index(e, at_memory(T1, 8 * axis));
    m_load(CODE, T2, at_memory(array, offsetof(cascade_ndarray, strides)));
    m_multiply(CODE, T0, at_memory(T2, 8 * axis));
}

static int scale_of(int element)
{
    static const int8_t scales[] = {[CASCADE_BOOL] = 0, [CASCADE_UINT8] = 0, [CASCADE_INT32] = 2, [CASCADE_INT64] = 3, [CASCADE_FLOAT32] = 2, [CASCADE_FLOAT64] = 3};
    return scales[element];
}

/* A register with the address that a slot has: its own, or T3. */
static int address_in(cascade_emitter *e, int32_t slot)
{
    cascade_place place = place_of(e, slot);
    if (!place.is_memory)
        return place.reg;
    m_load(CODE, T3, place);
    return T3;
}

/* The item behind an address, by the index at `field` along the last axis. */
static cascade_place find_along_last(cascade_emitter *e, const cascade_part *p, int field, int fact, int address)
{
    const cascade_fact *known_array = &e->plan->facts[fact];
    int axis = known_array->dimensions - 1, scale = scale_of(known_array->element);
    cascade_place count = place_of(e, fact_slot(e->plan, fact, FACT_COUNT0 + 2 * axis));
    if (!e->strided && is_known(e, p, field) && known(e, p, field) >= 0 && known(e, p, field) < 1 << 12) {
        m_operate_with(CODE, M_CMP, count, known(e, p, field));
        leave_if(e, CC_BE);
        return at_memory(address, (int64_t)known(e, p, field) << scale);
    }
    cascade_place index = operand(e, p, field);
    if (e->strided || e->counts_from_end || is_known(e, p, field) || index.is_memory || index.reg == T0) {
        load_int(e, T0, p, field);
        leave_unless_index(e, count);
        if (!e->strided)
            return at_item(address, T0, scale, 0);
        m_multiply(CODE, T0, place_of(e, fact_slot(e->plan, fact, FACT_STRIDE0 + 2 * axis)));
        return at_item(address, T0, 0, 0);
    }
    m_operate(CODE, M_CMP, index.reg, count);
    aside(e, ASIDE_FROM_END, m_jump(CODE, CC_AE))->part = *p;
    return at_item(address, index.reg, scale, 0);
}

/* Where the item of an array with indices from `field` on stands; T0 and T3 are used. */
static cascade_place find_known_item(cascade_emitter *e, const cascade_part *p, int field, int fact)
{
    int row = e->plan->row_of[e->word], axes = e->plan->facts[fact].dimensions;
    if (row != NO_ROW || axes == 1)
        return find_along_last(e, p, field + axes - 1, fact, address_in(e, row != NO_ROW ? row_slot(e->plan, row - 1) : fact_slot(e->plan, fact, FACT_DATA)));
    load_int(e, T0, p, field);
    leave_unless_index(e, place_of(e, fact_slot(e->plan, fact, FACT_COUNT0)));
    m_multiply(CODE, T0, place_of(e, fact_slot(e->plan, fact, FACT_STRIDE0)));
    m_combine(CODE, M_ADD, T3, in_register(T0), place_of(e, fact_slot(e->plan, fact, FACT_DATA)));
    return find_along_last(e, p, field + 1, fact, T3);
}

/* Behind an access: where it goes on if its index has counted from the end, and it was made aside. */
static void end_access(cascade_emitter *e, int32_t first_aside)
{
    for (int32_t i = first_aside; i < e->aside_count; i++)
        if (e->asides[i].kind == ASIDE_FROM_END)
            e->asides[i].resume = CODE->size;
}

/* Where the item that a part reads or writes stands. */
static cascade_place find_item(cascade_emitter *e, const cascade_part *p, int field)
{
    cascade_fact wanted;
    int fact = fact_of(e->plan, e->word, p, &wanted), array;
    if (fact >= 0)
        return find_known_item(e, p, field, fact);
    array = int_in(e, p, wanted.field, T3);
    leave_unless_array(e, array, wanted.element, wanted.dimensions, wanted.writes);
    go_along(e, p, field, array, 0);
    if (wanted.dimensions == 2) {
        m_float_of_bits(CODE, F2, T0);     /* no other register is free */
        go_along(e, p, field + 1, array, 1);
        m_bits_of_float(CODE, T2, F2);
        m_operate(CODE, M_ADD, T0, in_register(T2));
    }
    m_operate(CODE, M_ADD, T0, at_memory(array, offsetof(cascade_ndarray, data)));
    return at_memory(T0, 0);
}

/* Finds the address of a row that a region takes for granted, where its array is known. */
static void establish_row(cascade_emitter *e, int number)
{
    const cascade_row *row = &e->plan->rows[number];
    if (is_immediate(e->plan, row->index))
        m_set(CODE, T0, e->plan->image[row->index].i);
    else
        m_load(CODE, T0, place_of(e, row->index));
    if (row->offset != 0) {
        m_operate_with(CODE, M_ADD, in_register(T0), row->offset);
        leave_if(e, CC_O);
    }
    leave_unless_index(e, place_of(e, fact_slot(e->plan, row->fact, FACT_COUNT0)));
    m_multiply(CODE, T0, place_of(e, fact_slot(e->plan, row->fact, FACT_STRIDE0)));
    m_operate(CODE, M_ADD, T0, place_of(e, fact_slot(e->plan, row->fact, FACT_DATA)));
    m_put(CODE, place_of(e, row_slot(e->plan, number)), T0);
}

/* Finds out what a region takes for granted of its arrays, where it is entered at a word; where that does not hold, its handler is
 * executed. What the region that is left has found out still holds. `dirty` are the places of the region that memory does not have yet. */
static void establish_facts(cascade_emitter *e, int32_t word, int left, uint32_t dirty)
{
    cascade_plan *plan = e->plan;
    int region = plan->region_of[word];
    uint32_t shared = shared_facts(plan, left, region), rows = shared_rows(plan, left, region);
    int32_t before = e->word, first = e->aside_count;
    e->word = word;
    for (int fact = 0; region != NO_REGION && fact < plan->fact_count; fact++) {
        const cascade_fact *known = &plan->facts[fact];
        cascade_place array = place_of(e, known->slot);
        if (!(plan->regions[region].facts >> fact & ~shared >> fact & 1))
            continue;
        m_load(CODE, T3, array);
        leave_unless_array(e, T3, known->element, known->dimensions, known->writes);
        if (!e->strided) {
            m_load(CODE, T0, at_memory(T3, offsetof(cascade_ndarray, strides)));
            m_operate_with(CODE, M_CMP, at_memory(T0, 8 * (known->dimensions - 1)), 1 << scale_of(known->element));
            aside(e, ASIDE_STRIDED, m_jump(CODE, CC_NE));
        }
        for (int number = FACT_DATA; number < FACT_COUNT0 + 2 * known->dimensions - !e->strided; number++) {
            cascade_place to = place_of(e, fact_slot(plan, fact, number));
            size_t offset = number == FACT_DATA ? offsetof(cascade_ndarray, data)
                : (number & 1) == (FACT_COUNT0 & 1) ? offsetof(cascade_ndarray, shape) : offsetof(cascade_ndarray, strides);
            m_load(CODE, T0, at_memory(T3, (int64_t)offset));
            if (number != FACT_DATA)
                m_load(CODE, T0, at_memory(T0, 8 * ((number - FACT_COUNT0) / 2)));
            m_put(CODE, to, T0);
        }
    }
    for (int row = 0; region != NO_REGION && row < plan->row_count; row++)
        if (plan->regions[region].rows >> row & ~rows >> row & 1)
            establish_row(e, row);
    for (int32_t i = first; i < e->aside_count; i++)
        e->asides[i].dirty = dirty;
    e->word = before;
}

/* Operand a = the item. */
static void read_item(cascade_emitter *e, const cascade_part *p, int element, cascade_place from)
{
    cascade_place to = operand(e, p, 0);
    int reg = to.is_memory ? element == CASCADE_FLOAT64 ? F2 : T0 : to.reg;
    switch (element) {
    case CASCADE_FLOAT64:
        m_load_float(CODE, reg, from);
        write_float(e, p, 0, reg);
        return;
    case CASCADE_FLOAT32:
        m_load_float_32(CODE, F2, from);
        m_compare_float(CODE, F2, in_register(F2));
        leave_if(e, CC_U);
        write_float(e, p, 0, F2);
        return;
    case CASCADE_INT64: m_load(CODE, reg, from); break;
    case CASCADE_INT32: m_load_signed_32(CODE, reg, from); break;
    case CASCADE_UINT8: m_load_8(CODE, reg, from); break;
    default:
        reg = T0;
        m_load_8(CODE, T0, from);
        m_test(CODE, T0);
        m_set_if(CODE, CC_NE);
    }
    write_int(e, p, 0, reg);
}

static void emit_array_item(cascade_emitter *e, const cascade_part *p, int element)
{
    int32_t first_aside = e->aside_count;
    read_item(e, p, element, find_item(e, p, 2));
    end_access(e, first_aside);
}

static void emit_array_next(cascade_emitter *e, const cascade_part *p, int element)
{
    cascade_place number = place_of(e, slot_of(e, p, 1) + 1);
    cascade_fact wanted;
    int fact = fact_of(e->plan, e->word, p, &wanted), index = fact >= 0 && !e->strided && !number.is_memory ? number.reg : T0;
    int array = fact >= 0 ? -1 : int_in(e, p, 1, T3);
    if (fact < 0) {
        leave_unless_array(e, array, element, 1, 0);
        m_load(CODE, T1, at_memory(array, offsetof(cascade_ndarray, shape)));
    }
    m_load(CODE, index, number);
    m_operate(CODE, M_CMP, index, fact >= 0 ? place_of(e, fact_slot(e->plan, fact, FACT_COUNT0)) : at_memory(T1, 0));
    go_if(e, CC_GE, jump_target(e));
    cascade_place from = at_memory(T0, 0);
    if (fact >= 0) {
        if (e->strided)
            m_multiply(CODE, T0, place_of(e, fact_slot(e->plan, fact, FACT_STRIDE0)));
        from = at_item(address_in(e, fact_slot(e->plan, fact, FACT_DATA)), index, e->strided ? 0 : scale_of(element), 0);
    }
    else {
        m_load(CODE, T2, at_memory(array, offsetof(cascade_ndarray, strides)));
        m_multiply(CODE, T0, at_memory(T2, 0));
        m_operate(CODE, M_ADD, T0, at_memory(array, offsetof(cascade_ndarray, data)));
    }
    read_item(e, p, element, from);
    m_increment(CODE, number);
}

/* Stores operand `field` as an item; T0 to T3 are used. */
static void write_item(cascade_emitter *e, const cascade_part *p, int element, int field, cascade_place to)
{
    int value;
    if (element == CASCADE_FLOAT64) {
        m_store_float(CODE, to, float_in(e, p, field, F2));
        return;
    }
    value = int_in(e, p, field, T2);
    switch (element) {
    case CASCADE_INT64: m_store(CODE, to, value); return;
    case CASCADE_INT32:
        m_load_signed_32(CODE, T1, in_register(value));
        m_operate(CODE, M_CMP, T1, in_register(value));
        leave_if(e, CC_NE);
        m_store_32(CODE, to, T1);
        return;
    case CASCADE_UINT8:
        m_operate_with(CODE, M_CMP, in_register(value), 255);
        leave_if(e, CC_A);
        m_load(CODE, T1, in_register(value));
        break;
    default:
        m_load(CODE, T2, in_register(value));
        m_address(CODE, T3, to);
        m_test(CODE, T2);
        m_set_if(CODE, CC_NE);
        m_load(CODE, T1, in_register(T0));
        to = at_memory(T3, 0);
    }
    m_store_8(CODE, to, T1);
}

static void emit_array_store(cascade_emitter *e, const cascade_part *p, int element, int dimensions)
{
    int32_t first_aside = e->aside_count;
    write_item(e, p, element, dimensions + 1, find_item(e, p, 1));
    end_access(e, first_aside);
}

static void emit_array_dimension(cascade_emitter *e, const cascade_part *p)
{
    int array = int_in(e, p, 1, T3);
    m_operate_32_with(CODE, M_CMP, at_memory(array, offsetof(cascade_ndarray, dimensions)), WORD->f);
    leave_if(e, CC_NE);
    m_load(CODE, T0, at_memory(array, offsetof(cascade_ndarray, shape)));
    m_load(CODE, T0, at_memory(T0, 8 * (int64_t)WORD->e));
    write_int(e, p, 0, T0);
}
