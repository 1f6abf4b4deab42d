/* Machine code of the characters of texts: see kernel_text.h. Included by machine_code.h. */

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
