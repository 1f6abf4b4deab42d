/* Machine code of attributes, references and guards. Included by machine_code.h.
 *
 * An object whose last reference goes is left to the handler, whose word is followed by an entry: see `cascade_analyse`. */

/* ---- References ------------------------------------------------------------------------------------------------------ */

/* Counts one more reference of an object; an immortal one has none. Changes RDX. */
static void add_reference(cascade_emitter *e, int object)
{
    if (!CASCADE_HAS_IMMORTALS) {
        x_increment(CODE, at_memory(object, CASCADE_REFERENCES_AT));
        return;
    }
    put_instruction(CODE, 0, 0, 0x8B, RDX, at_memory(object, CASCADE_REFERENCES_AT));       /* of 32 bits */
    put_instruction(CODE, 0, 0, 0xFF, 0, in_register(RDX));
    int32_t over = x_jump(CODE, CC_E);
    put_instruction(CODE, 0, 0, 0x89, RDX, at_memory(object, CASCADE_REFERENCES_AT));
    x_land(CODE, over, CODE->size);
}

/* Leaves where an object has one reference. Changes RDX, which is negative, as 32 bits, behind it where the object is immortal. */
static void leave_if_last(cascade_emitter *e, int object)
{
    put_instruction(CODE, 0, !CASCADE_HAS_IMMORTALS, 0x8B, RDX, at_memory(object, CASCADE_REFERENCES_AT));
    put_instruction(CODE, 0, !CASCADE_HAS_IMMORTALS, 0x83, X_CMP >> 3, in_register(RDX));
    put_byte(CODE, 1);
    leave_if(e, CC_E);
}

/* Drops a reference that is not the last one, behind `leave_if_last`; RDX is as it was there. */
static void drop_reference(cascade_emitter *e, int object)
{
    int32_t over = 0;
    if (CASCADE_HAS_IMMORTALS) {
        put_instruction(CODE, 0, 0, 0x85, RDX, in_register(RDX));       /* test */
        over = x_jump(CODE, CC_S);
    }
    x_decrement(CODE, at_memory(object, CASCADE_REFERENCES_AT));
    if (CASCADE_HAS_IMMORTALS)
        x_land(CODE, over, CODE->size);
}

static void emit_own(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 1, RAX);
    add_reference(e, object);
    write_int(e, p, 0, object);
}

static void emit_release(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 0, RAX);
    leave_if_last(e, object);
    drop_reference(e, object);
}

static void emit_cell_item(cascade_emitter *e, const cascade_part *p)
{
    x_load(CODE, RAX, at_memory(int_in(e, p, 1, RAX), offsetof(PyCellObject, ob_ref)));
    x_test(CODE, RAX);
    leave_if(e, CC_E);
    write_int(e, p, 0, RAX);
}

/* ---- Guards ---------------------------------------------------------------------------------------------------------- */

/* The versions of the dicts that are watched, up to one without a dict. */
static void emit_guard(cascade_emitter *e)
{
    if (e->word > 0 && e->plan->opcodes[e->word - 1] == e->plan->opcodes[e->word] && !e->plan->is_led[e->word])
        return;     /* behind another one, from which alone it is reached */
    x_load(CODE, RCX, at_memory(R11, offsetof(cascade_state, watched)));
    int32_t top = CODE->size;
    x_load(CODE, RAX, at_memory(RCX, offsetof(cascade_watch, dict)));
    x_test(CODE, RAX);
    int32_t over = x_jump(CODE, CC_E);
    x_load(CODE, RDX, at_memory(RCX, offsetof(cascade_watch, version)));
    x_test(CODE, RDX);
    leave_if(e, CC_E);
    x_operate(CODE, X_CMP, RDX, at_memory(RAX, CASCADE_DICT_VERSION_AT));
    leave_if(e, CC_NE);
    x_operate_with(CODE, X_ADD, in_register(RCX), sizeof(cascade_watch));
    x_land(CODE, x_jump(CODE, CC_ALWAYS), top);
    x_land(CODE, over, CODE->size);
}

/* As `cascade_has_room`: leaves where there is none. */
static void emit_room_test(cascade_emitter *e)
{
    x_load(CODE, RAX, at_memory(R11, offsetof(cascade_state, root)));
    x_load(CODE, RAX, at_memory(RAX, offsetof(cascade_state, thread)));
    put_instruction(CODE, 0, 0, 0x81, X_CMP >> 3, at_memory(RAX, CASCADE_REMAINING_AT));    /* of 32 bits */
    put_32(CODE, 1 + WORD->e);
    leave_if(e, CC_LE);
    x_operate_with(CODE, X_CMP, at_memory(RAX, CASCADE_TRACER_AT), 0);
    leave_if(e, CC_NE);
    x_operate_with(CODE, X_CMP, at_memory(RAX, CASCADE_PROFILER_AT), 0);
    leave_if(e, CC_NE);
    if (CASCADE_TOOL_COUNT > 0)
        x_load(CODE, RAX, at_memory(RAX, CASCADE_INTERPRETER_AT));
    for (int tool = 0; tool < CASCADE_TOOL_COUNT; tool++) {
        x_operate_with(CODE, X_CMP, at_memory(RAX, CASCADE_TOOLS_AT + tool * (int64_t)sizeof(PyObject *)), 0);
        leave_if(e, CC_NE);
    }
}

/* Goes to f unless function a has the code b. */
static void emit_code_test(cascade_emitter *e, const cascade_part *p)
{
    x_load(CODE, RAX, at_memory(int_in(e, p, 0, RAX), CASCADE_CODE_AT));
    x_operate(CODE, X_CMP, RAX, in_register(int_in(e, p, 1, RCX)));
    miss_if(e, CC_NE);
}

/* Goes to f unless a class, that of operand a or that itself, has the tag e. */
static void emit_tag_test(cascade_emitter *e, const cascade_part *p, int of_object)
{
    int type = int_in(e, p, 0, RAX);
    if (of_object) {
        x_load(CODE, RAX, at_memory(type, OBJECT_TYPE));
        type = RAX;
    }
    if (CASCADE_TAGS_HAVE_FLAG) {
        put_instruction(CODE, 0, 0, 0xF7, 0, at_memory(type, offsetof(PyTypeObject, tp_flags)));        /* test of 32 bits */
        put_32(CODE, Py_TPFLAGS_VALID_VERSION_TAG);
        miss_if(e, CC_E);
    }
    put_instruction(CODE, 0, 0, 0x81, X_CMP >> 3, at_memory(type, CASCADE_TAG_AT));
    put_32(CODE, WORD->e);
    miss_if(e, CC_NE);
}

/* ---- Attributes ------------------------------------------------------------------------------------------------------ */

/* RAX = the address of the values of an instance, less `CASCADE_VALUES_BEHIND`; leaves where it has a dict instead, and, for a store,
 * where a dict shows them. */
static void find_values(cascade_emitter *e, int object, int stores)
{
    cascade_place held = at_memory(object, CASCADE_VALUES_POINTER_AT);
    if (CASCADE_VALUES_ARE == CASCADE_IN_THE_INSTANCE) {
        if (stores) {
            x_operate_with(CODE, X_CMP, held, 0);
            leave_if(e, CC_NE);
        }
        put_instruction(CODE, 0, 0, 0x80, X_CMP >> 3, at_memory(object, CASCADE_VALUES_VALID_AT));      /* of 8 bits */
        put_byte(CODE, 0);
        leave_if(e, CC_E);
        x_load(CODE, RAX, in_register(object));
        return;
    }
    x_load(CODE, RAX, held);
    if (CASCADE_VALUES_ARE == CASCADE_BEHIND_A_TAGGED_POINTER) {
        put_instruction(CODE, 0, 0, 0xF6, 0, in_register(RAX));     /* test of 8 bits */
        put_byte(CODE, 1);
    }
    else
        x_test(CODE, RAX);
    leave_if(e, CC_E);
}

static cascade_place value_at_index(int32_t index)
{
    return at_memory(RAX, CASCADE_VALUES_BEHIND + (int64_t)sizeof(PyObject *) * index);
}

static void emit_attribute_value(cascade_emitter *e, const cascade_part *p)
{
    find_values(e, int_in(e, p, 1, RDI), 0);
    x_load(CODE, RAX, value_at_index(WORD->c));
    x_test(CODE, RAX);
    miss_if(e, CC_E);
    write_int(e, p, 0, RAX);
}

static void emit_attribute_slot(cascade_emitter *e, const cascade_part *p)
{
    x_load(CODE, RAX, at_memory(int_in(e, p, 1, RDI), WORD->c));
    x_test(CODE, RAX);
    miss_if(e, CC_E);
    write_int(e, p, 0, RAX);
}

/* Where the names that the class's instances share are those among which this one is known not to be. */
static void emit_no_value(cascade_emitter *e, const cascade_part *p)
{
    int object = int_in(e, p, 0, RDI);
    find_values(e, object, 0);
    x_load(CODE, RCX, at_memory(object, OBJECT_TYPE));
    x_load(CODE, RCX, at_memory(RCX, offsetof(PyHeapTypeObject, ht_cached_keys)));
    x_load(CODE, RCX, at_memory(RCX, offsetof(struct cascade_keys, count)));
    x_load(CODE, RDX, at_memory(R11, offsetof(cascade_state, gathers)));
    x_load(CODE, RDX, at_memory(RDX, (int64_t)sizeof(cascade_gather *) * WORD->e));
    x_operate(CODE, X_CMP, RCX, at_memory(RDX, offsetof(cascade_gather, keys)));
    leave_if(e, CC_NE);
}

/* RCX = the value of an attribute that is to be replaced; RAX as `find_values`. */
static void find_replaced(cascade_emitter *e, const cascade_part *p)
{
    find_values(e, int_in(e, p, 0, RDI), 1);
    x_load(CODE, RCX, value_at_index(WORD->c));
    x_test(CODE, RCX);
    leave_if(e, CC_E);
}

/* A float that nobody else holds takes the new value in place. */
static void emit_value_store_float(cascade_emitter *e, const cascade_part *p)
{
    find_replaced(e, p);
    compare_class(e, RCX, &PyFloat_Type);
    leave_if(e, CC_NE);
    leave_unless_alone(e, RCX);
    x_store_float(CODE, at_memory(RCX, CASCADE_FLOAT_AT), float_in(e, p, 1, 15));
}

/* An object in place of one that others hold, too. */
static void emit_value_store(cascade_emitter *e, const cascade_part *p, int is_owned)
{
    int object;
    find_replaced(e, p);
    leave_if_last(e, RCX);
    drop_reference(e, RCX);
    object = int_in(e, p, 1, RCX);
    x_store(CODE, value_at_index(WORD->c), object);
    if (!is_owned)
        add_reference(e, object);
}

/* A bool in place of an object that others hold, too. */
static void emit_value_store_bool(cascade_emitter *e, const cascade_part *p)
{
    find_replaced(e, p);
    leave_if_last(e, RCX);
    drop_reference(e, RCX);
    take_bool(e, p, 1);
    x_store(CODE, value_at_index(WORD->c), RDX);
}
