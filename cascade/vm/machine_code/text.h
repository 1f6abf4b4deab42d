/* Machine code of characters and bytes: see kernel_text.h. Included by machine_code.h. */

static cascade_place text_state(int object) { return at_memory(object, CASCADE_TEXT_STATE_AT); }

/* Leaves where a text has a character that is not in Latin-1, or is none of CPython's usual layout. Changes T2. */
static void leave_unless_latin(cascade_emitter *e, int object)
{
    m_load_32(CODE, T2, text_state(object));
    m_operate_32_with(CODE, M_AND, in_register(T2), (int32_t)cascade_text_state(7, 1, 0));
    m_operate_32_with(CODE, M_CMP, in_register(T2), (int32_t)cascade_text_state(PyUnicode_1BYTE_KIND, 1, 0));
    leave_if(e, CC_NE);
}

/* T0 = the character with the number in T0 of such a text. */
static void take_character(cascade_emitter *e, int object)
{
    m_address(CODE, T1, at_memory(object, sizeof(PyASCIIObject)));
    m_test_32_with(CODE, text_state(object), cascade_text_state(0, 0, 1) & ~cascade_text_state(0, 0, 0));
    int32_t over = m_jump(CODE, CC_NE);
    m_operate_with(CODE, M_ADD, in_register(T1), sizeof(PyCompactUnicodeObject) - sizeof(PyASCIIObject));
    m_land(CODE, over, CODE->size);
    m_load_8(CODE, T0, at_item(T1, T0, 0, 0));
}

static void take_byte(cascade_emitter *e, int object, int of_array)
{
    if (of_array) {
        m_load(CODE, T1, at_memory(object, CASCADE_BYTEARRAY_AT));
        m_load_8(CODE, T0, at_item(T1, T0, 0, 0));
    }
    else
        m_load_8(CODE, T0, at_item(object, T0, 0, CASCADE_BYTES_AT));
}

enum { OF_TEXT = -1, OF_BYTES, OF_BYTEARRAY };

static void emit_character(cascade_emitter *e, const cascade_part *p, int of)
{
    int object = int_in(e, p, 1, T3);
    if (of == OF_TEXT)
        leave_unless_latin(e, object);
    load_int(e, T0, p, 2);
    leave_unless_index(e, at_memory(object, ITEM_COUNT));
    if (of == OF_TEXT)
        take_character(e, object);
    else
        take_byte(e, object, of);
    write_int(e, p, 0, T0);
}

/* The next character or byte of the iterator at operand b: the object, and the number of the next one. At the end to f. */
static void emit_next_character(cascade_emitter *e, const cascade_part *p, int of)
{
    cascade_place number = place_of(e, slot_of(e, p, 1) + 1);
    int object = int_in(e, p, 1, T3);
    if (of == OF_TEXT)
        leave_unless_latin(e, object);
    m_load(CODE, T0, number);
    m_operate(CODE, M_CMP, T0, at_memory(object, ITEM_COUNT));
    go_if(e, CC_GE, jump_target(e));
    if (of == OF_TEXT)
        take_character(e, object);
    else
        take_byte(e, object, of);
    m_increment(CODE, number);
    write_int(e, p, 0, T0);
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
