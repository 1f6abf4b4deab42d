/* Machine code of attributes, references and guards. Included by machine_code.h.
 *
 * An object whose last reference goes is left to the handler, whose word is followed by an entry: see `cascade_analyse`. */

/* ---- References ------------------------------------------------------------------------------------------------------ */

static void emit_own(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, T0);
    add_reference(e, object);
    write_int(e, p, 0, object);
}

static void emit_release(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 0, T0);
    leave_if_last(e, object);
    drop_reference(e, object);
}

static void emit_cell_item(cascade_emitter *e, const cascade_part *p)
{
    m_load(CODE, T0, at_memory(int_in(e, p, 1, T0), offsetof(PyCellObject, ob_ref)));
    m_test(CODE, T0);
    leave_if(e, CC_E);
    write_int(e, p, 0, T0);
}

/* ---- Guards ---------------------------------------------------------------------------------------------------------- */

/* The versions of the dicts that are watched, up to one without a dict. */
static void emit_guard(cascade_emitter *e)
{
    if (e->word > 0 && e->plan->opcodes[e->word - 1] == e->plan->opcodes[e->word] && !e->plan->is_led[e->word])
        return;     /* behind another one, from which alone it is reached */
    m_load(CODE, T1, at_memory(STATE, offsetof(cascade_state, watched)));
    int32_t top = CODE->size;
    m_load(CODE, T0, at_memory(T1, offsetof(cascade_watch, dict)));
    m_test(CODE, T0);
    int32_t over = m_jump(CODE, CC_E);
    m_load(CODE, T2, at_memory(T1, offsetof(cascade_watch, version)));
    m_test(CODE, T2);
    leave_if(e, CC_E);
    m_operate(CODE, M_CMP, T2, at_memory(T0, CASCADE_DICT_VERSION_AT));
    leave_if(e, CC_NE);
    m_operate_with(CODE, M_ADD, in_register(T1), sizeof(cascade_watch));
    m_land(CODE, m_jump(CODE, CC_ALWAYS), top);
    m_land(CODE, over, CODE->size);
}

/* As `cascade_has_room`: leaves where there is none. */
static void emit_room_test(cascade_emitter *e)
{
    m_load(CODE, T0, at_memory(STATE, offsetof(cascade_state, root)));
    m_load(CODE, T0, at_memory(T0, offsetof(cascade_state, thread)));
    m_operate_32_with(CODE, M_CMP, at_memory(T0, CASCADE_REMAINING_AT), 1 + WORD->e);
    leave_if(e, CC_LE);
    m_operate_with(CODE, M_CMP, at_memory(T0, CASCADE_TRACER_AT), 0);
    leave_if(e, CC_NE);
    m_operate_with(CODE, M_CMP, at_memory(T0, CASCADE_PROFILER_AT), 0);
    leave_if(e, CC_NE);
    if (CASCADE_TOOL_COUNT > 0)
        m_load(CODE, T0, at_memory(T0, CASCADE_INTERPRETER_AT));
    for (int tool = 0; tool < CASCADE_TOOL_COUNT; tool++) {
        m_operate_with(CODE, M_CMP, at_memory(T0, CASCADE_TOOLS_AT + tool * (int64_t)sizeof(PyObject *)), 0);
        leave_if(e, CC_NE);
    }
}

/* Goes to f unless function a has the code b. */
static void emit_code_test(cascade_emitter *e, const cascade_part *p)
{
    m_load(CODE, T0, at_memory(int_in(e, p, 0, T0), CASCADE_CODE_AT));
    m_operate(CODE, M_CMP, T0, in_register(int_in(e, p, 1, T1)));
    miss_if(e, CC_NE);
}

/* Goes to f unless a class, that of operand a or that itself, has the tag e. */
static void emit_tag_test(cascade_emitter *e, const cascade_part *p, int of_object)
{
    int type = int_in(e, p, 0, T0);
    if (of_object) {
        m_load(CODE, T0, at_memory(type, OBJECT_TYPE));
        type = T0;
    }
    if (CASCADE_TAGS_HAVE_FLAG) {
        m_test_32_with(CODE, at_memory(type, offsetof(PyTypeObject, tp_flags)), Py_TPFLAGS_VALID_VERSION_TAG);
        miss_if(e, CC_E);
    }
    m_operate_32_with(CODE, M_CMP, at_memory(type, CASCADE_TAG_AT), WORD->e);
    miss_if(e, CC_NE);
}

/* ---- Attributes ------------------------------------------------------------------------------------------------------ */

/* T0 = the address of the values of an instance, less `CASCADE_VALUES_BEHIND`; sets the condition E where it has a dict instead. */
static void load_values(cascade_emitter *e, int object)
{
    if (CASCADE_VALUES_ARE == CASCADE_IN_THE_INSTANCE) {
        m_load(CODE, T0, in_register(object));
        m_compare_8_with(CODE, at_memory(object, CASCADE_VALUES_VALID_AT), 0);
        return;
    }
    m_load(CODE, T0, at_memory(object, CASCADE_VALUES_POINTER_AT));
    if (CASCADE_VALUES_ARE == CASCADE_BEHIND_A_TAGGED_POINTER)
        m_test_32_with(CODE, in_register(T0), 1);
    else
        m_test(CODE, T0);
}

/* The same; leaves where it has a dict instead, and, for a store, where a dict shows them. */
static void find_values(cascade_emitter *e, int object, int stores)
{
    if (CASCADE_VALUES_ARE == CASCADE_IN_THE_INSTANCE && stores) {
        m_operate_with(CODE, M_CMP, at_memory(object, CASCADE_VALUES_POINTER_AT), 0);
        leave_if(e, CC_NE);
    }
    load_values(e, object);
    leave_if(e, CC_E);
}

static cascade_place value_at_index(int32_t index)
{
    return at_memory(T0, CASCADE_VALUES_BEHIND + (int64_t)sizeof(PyObject *) * index);
}

/* T0 = the value in the dict of an instance, whose class has the place of the dict before the instance: where the entry of the name
 * stands as in the last table. Leaves where it does not. */
static void load_item(cascade_emitter *e, int object)
{
    m_load(CODE, T0, at_memory(object, CASCADE_MANAGED_DICT_AT));
    if (CASCADE_VALUES_ARE == CASCADE_BEHIND_A_TAGGED_POINTER) {
        m_test_32_with(CODE, in_register(T0), 1);
        leave_if(e, CC_NE);
    }
    m_test(CODE, T0);
    leave_if(e, CC_E);
    compare_class(e, T0, &PyDict_Type);
    leave_if(e, CC_NE);
    m_load(CODE, T0, at_memory(T0, offsetof(PyDictObject, ma_keys)));
    m_load(CODE, T2, at_memory(STATE, offsetof(cascade_state, gathers)));
    m_load(CODE, T2, at_memory(T2, (int64_t)sizeof(cascade_gather *) * WORD->e));
    m_load_32(CODE, T1, at_memory(T0, offsetof(cascade_keys, log2_size)));
    m_operate_32_with(CODE, M_AND, in_register(T1), CASCADE_TABLE_BITS);
    m_operate(CODE, M_CMP, T1, at_memory(T2, offsetof(cascade_gather, table)));
    leave_if(e, CC_NE);
    m_load(CODE, T1, at_memory(T0, offsetof(cascade_keys, count)));
    m_operate(CODE, M_CMP, T1, at_memory(T2, offsetof(cascade_gather, keys)));
    leave_if(e, CC_LE);
    m_operate(CODE, M_ADD, T0, at_memory(T2, offsetof(cascade_gather, entry_at)));
    m_load(CODE, T1, at_memory(T0, offsetof(cascade_str_entry, key)));
    m_operate(CODE, M_CMP, T1, at_memory(T2, offsetof(cascade_gather, function)));
    leave_if(e, CC_NE);
    m_load(CODE, T0, at_memory(T0, offsetof(cascade_str_entry, value)));
    m_test(CODE, T0);
    leave_if(e, CC_E);
}

static void emit_attribute_item(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, T3);
    if (!WORD->c)
        leave_if(e, CC_ALWAYS);
    load_item(e, object);
    write_int(e, p, 0, T0);
}

static void emit_attribute_value(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, T3);
    int32_t absent, found;
    load_values(e, object);
    absent = m_jump(CODE, CC_E);
    m_load(CODE, T0, value_at_index(WORD->c));
    m_test(CODE, T0);
    miss_if(e, CC_E);
    found = m_jump(CODE, CC_ALWAYS);
    m_land(CODE, absent, CODE->size);
    load_item(e, object);
    m_land(CODE, found, CODE->size);
    write_int(e, p, 0, T0);
}

static void emit_attribute_slot(cascade_emitter *e, const cascade_part *p)
{
    m_load(CODE, T0, at_memory(int_in(e, p, 1, T3), WORD->c));
    m_test(CODE, T0);
    miss_if(e, CC_E);
    write_int(e, p, 0, T0);
}

/* Where the names that the class's instances share are those among which this one is known not to be. */
static void emit_no_value(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 0, T3);
    find_values(e, object, 0);
    m_load(CODE, T1, at_memory(object, OBJECT_TYPE));
    m_load(CODE, T1, at_memory(T1, offsetof(PyHeapTypeObject, ht_cached_keys)));
    m_load(CODE, T1, at_memory(T1, offsetof(struct cascade_keys, count)));
    m_load(CODE, T2, at_memory(STATE, offsetof(cascade_state, gathers)));
    m_load(CODE, T2, at_memory(T2, (int64_t)sizeof(cascade_gather *) * WORD->e));
    m_operate(CODE, M_CMP, T1, at_memory(T2, offsetof(cascade_gather, keys)));
    leave_if(e, CC_NE);
}

/* T0 = the value of an attribute that is to be replaced, T1 = its address. */
static void find_replaced(cascade_emitter *e, const cascade_part *p, int is_slot)
{
    int object = int_in(e, p, 0, T3);
    if (is_slot)
        m_address(CODE, T1, at_memory(object, WORD->c));
    else {
        find_values(e, object, 1);
        m_address(CODE, T1, value_at_index(WORD->c));
    }
    m_load(CODE, T0, at_memory(T1, 0));
    m_test(CODE, T0);
    leave_if(e, CC_E);
}

static void emit_attribute_store(cascade_emitter *e, const cascade_part *p)
{
    find_replaced(e, p, p->name <= PART_STORE_SLOT_BORROWED);
    switch (p->name) {
    case PART_STORE_SLOT_FLOAT: case PART_STORE_VALUE_FLOAT: store_float(e, p, 1); break;
    case PART_STORE_SLOT_INT: case PART_STORE_VALUE_INT: store_int(e, p, 1); break;
    case PART_STORE_SLOT_BOOL: case PART_STORE_VALUE_BOOL: store_bool(e, p, 1); break;
    case PART_STORE_SLOT_OWNED: case PART_STORE_VALUE_OWNED: store_object(e, p, 1, 1); break;
    default: store_object(e, p, 1, 0);
    }
}
