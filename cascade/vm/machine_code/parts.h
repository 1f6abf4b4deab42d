/* Machine code by parts: the form of each. Included by machine_code.h. */

static void emit_inversion(cascade_emitter *e, const cascade_part *p)
{
    load_int(e, T0, p, 1);
    m_invert(CODE, T0);
    write_int(e, p, 0, T0);
}

static void emit_part(cascade_emitter *e, const cascade_part *p)
{
    if (!CASCADE_KNOWS_ATTRIBUTES && p->name >= PART_OWN && p->name <= PART_STORE_VALUE_BORROWED) {
        leave_if(e, CC_ALWAYS);
        return;
    }
    switch (p->name) {
    case PART_ADD_INT: emit_sum(e, p, M_ADD); break;
    case PART_SUB_INT: emit_sum(e, p, M_SUB); break;
    case PART_MUL_INT: emit_product(e, p); break;
    case PART_FLOORDIV_INT: emit_division(e, p, 0); break;
    case PART_MOD_INT: emit_division(e, p, 1); break;
    case PART_AND_INT: emit_bits(e, p, M_AND); break;
    case PART_OR_INT: emit_bits(e, p, M_OR); break;
    case PART_XOR_INT: emit_bits(e, p, M_XOR); break;
    case PART_LSHIFT_INT: emit_shift(e, p, 1); break;
    case PART_RSHIFT_INT: emit_shift(e, p, 0); break;
    case PART_NEGATE_INT: emit_negation(e, p); break;
    case PART_ABS_INT: emit_absolute(e, p); break;
    case PART_DIVIDE_INT: emit_quotient(e, p); break;
    case PART_INVERT_INT: emit_inversion(e, p); break;
    case PART_ADD_FLOAT: emit_float_operation(e, p, M_FLOAT_ADD); break;
    case PART_ADD_FLOAT64: emit_scalar_operation(e, p, M_FLOAT_ADD); break;
    case PART_SUB_FLOAT: emit_float_operation(e, p, M_FLOAT_SUB); break;
    case PART_SUB_FLOAT64: emit_scalar_operation(e, p, M_FLOAT_SUB); break;
    case PART_MUL_FLOAT: emit_float_operation(e, p, M_FLOAT_MUL); break;
    case PART_MUL_FLOAT64: emit_scalar_operation(e, p, M_FLOAT_MUL); break;
    case PART_DIVIDE_FLOAT: emit_float_operation(e, p, M_FLOAT_DIV); break;
    case PART_DIVIDE_FLOAT64: emit_scalar_operation(e, p, M_FLOAT_DIV); break;
    case PART_NEGATE_FLOAT: emit_sign(e, p, 0); break;
    case PART_ABS_FLOAT: emit_sign(e, p, 1); break;
    case PART_SQRT: emit_root(e, p); break;
    case PART_TO_FLOAT: emit_to_float(e, p, 0); break;
    case PART_TO_EXACT_FLOAT: emit_to_float(e, p, 1); break;
    case PART_TRUNCATE: emit_truncation(e, p); break;
    case PART_LESS_INT: emit_comparison(e, p, LESS, 0); break;
    case PART_LESS_FLOAT: emit_comparison(e, p, LESS, 1); break;
    case PART_JUMP_LESS_INT: emit_int_jump(e, p, LESS, AHEAD); break;
    case PART_JUMP_LESS_FLOAT: emit_float_jump(e, p, LESS, 0, AHEAD); break;
    case PART_BACK_LESS_INT: emit_int_jump(e, p, LESS, BACKWARD); break;
    case PART_BACK_LESS_FLOAT: emit_float_jump(e, p, LESS, 0, BACKWARD); break;
    case PART_STEP_LESS_INT: emit_int_jump(e, p, LESS, STEPPING); break;
    case PART_LESS_EQUAL_INT: emit_comparison(e, p, LESS_EQUAL, 0); break;
    case PART_LESS_EQUAL_FLOAT: emit_comparison(e, p, LESS_EQUAL, 1); break;
    case PART_JUMP_LESS_EQUAL_INT: emit_int_jump(e, p, LESS_EQUAL, AHEAD); break;
    case PART_JUMP_LESS_EQUAL_FLOAT: emit_float_jump(e, p, LESS_EQUAL, 0, AHEAD); break;
    case PART_BACK_LESS_EQUAL_INT: emit_int_jump(e, p, LESS_EQUAL, BACKWARD); break;
    case PART_BACK_LESS_EQUAL_FLOAT: emit_float_jump(e, p, LESS_EQUAL, 0, BACKWARD); break;
    case PART_STEP_LESS_EQUAL_INT: emit_int_jump(e, p, LESS_EQUAL, STEPPING); break;
    case PART_EQUAL_INT: emit_comparison(e, p, EQUAL, 0); break;
    case PART_EQUAL_FLOAT: emit_comparison(e, p, EQUAL, 1); break;
    case PART_JUMP_EQUAL_INT: emit_int_jump(e, p, EQUAL, AHEAD); break;
    case PART_JUMP_EQUAL_FLOAT: emit_float_jump(e, p, EQUAL, 0, AHEAD); break;
    case PART_BACK_EQUAL_INT: emit_int_jump(e, p, EQUAL, BACKWARD); break;
    case PART_BACK_EQUAL_FLOAT: emit_float_jump(e, p, EQUAL, 0, BACKWARD); break;
    case PART_STEP_EQUAL_INT: emit_int_jump(e, p, EQUAL, STEPPING); break;
    case PART_NOT_EQUAL_INT: emit_comparison(e, p, NOT_EQUAL, 0); break;
    case PART_NOT_EQUAL_FLOAT: emit_comparison(e, p, NOT_EQUAL, 1); break;
    case PART_JUMP_NOT_EQUAL_INT: emit_int_jump(e, p, NOT_EQUAL, AHEAD); break;
    case PART_JUMP_NOT_EQUAL_FLOAT: emit_float_jump(e, p, NOT_EQUAL, 0, AHEAD); break;
    case PART_BACK_NOT_EQUAL_INT: emit_int_jump(e, p, NOT_EQUAL, BACKWARD); break;
    case PART_BACK_NOT_EQUAL_FLOAT: emit_float_jump(e, p, NOT_EQUAL, 0, BACKWARD); break;
    case PART_STEP_NOT_EQUAL_INT: emit_int_jump(e, p, NOT_EQUAL, STEPPING); break;
    case PART_SAME: emit_comparison(e, p, EQUAL, 0); break;
    case PART_JUMP_NOT_LESS_FLOAT: emit_float_jump(e, p, LESS, 1, AHEAD); break;
    case PART_JUMP_NOT_LESS_EQUAL_FLOAT: emit_float_jump(e, p, LESS_EQUAL, 1, AHEAD); break;
    case PART_JUMP_SAME: emit_int_jump(e, p, EQUAL, AHEAD); break;
    case PART_JUMP_NOT_SAME: emit_int_jump(e, p, NOT_EQUAL, AHEAD); break;
    case PART_BACK_NOT_LESS_FLOAT: emit_float_jump(e, p, LESS, 1, BACKWARD); break;
    case PART_BACK_NOT_LESS_EQUAL_FLOAT: emit_float_jump(e, p, LESS_EQUAL, 1, BACKWARD); break;
    case PART_BACK_SAME: emit_int_jump(e, p, EQUAL, BACKWARD); break;
    case PART_BACK_NOT_SAME: emit_int_jump(e, p, NOT_EQUAL, BACKWARD); break;
    case PART_JUMP: go_if(e, CC_ALWAYS, jump_target(e)); break;
    case PART_BACK: go_back(e); break;
    case PART_STEP: count_step(e); go_back(e); break;
    case PART_NEXT: emit_next(e, p, AHEAD); break;
    case PART_NEXT_OR_BACK: emit_next(e, p, BACKWARD); break;
    case PART_NEXT_BACK: emit_next_back(e, p); break;
    case PART_LOAD_INT: emit_load(e, p); break;
    case PART_LOAD_FLOAT: emit_load(e, p); break;
    case PART_LOAD_OBJECT: emit_load(e, p); break;
    case PART_MOVE: emit_copy(e, slot_of(e, p, 0), slot_of(e, p, 1)); break;
    case PART_MOVE2: emit_two_copies(e, p); break;
    case PART_BORROW: emit_copy(e, slot_of(e, p, 0), slot_of(e, p, 1)); break;
    case PART_UNBOX_INT: emit_unboxed_int(e, p); break;
    case PART_UNBOX_FLOAT: emit_unboxed_float(e, p); break;
    case PART_UNBOX_BOOL: emit_unboxed_bool(e, p); break;
    case PART_EXIT_IF_NAN: emit_nan_exit(e, p); break;
    case PART_EXPECT_NONE: compare_with(e, in_register(int_in(e, p, 0, T0)), Py_None); miss_if(e, CC_NE); break;
    case PART_EXPECT_CLASS: emit_any_class_test(e, p); break;
    case PART_EXPECT_LIST: emit_class_test(e, p, &PyList_Type); break;
    case PART_EXPECT_TUPLE: emit_class_test(e, p, &PyTuple_Type); break;
    case PART_EXPECT_STR: emit_class_test(e, p, &PyUnicode_Type); break;
    case PART_SIZE: emit_size(e, p); break;
    case PART_LIST_ITEM: emit_item(e, p, OF_LIST); break;
    case PART_LIST_NEXT: emit_next_item(e, p, OF_LIST, 0); break;
    case PART_LIST_NEXT_BACK: emit_next_item(e, p, OF_LIST, 1); break;
    case PART_TUPLE_ITEM: emit_item(e, p, OF_TUPLE); break;
    case PART_TUPLE_NEXT: emit_next_item(e, p, OF_TUPLE, 0); break;
    case PART_TUPLE_NEXT_BACK: emit_next_item(e, p, OF_TUPLE, 1); break;
    case PART_ARRAY1_BOOL_: emit_array_item(e, p, CASCADE_BOOL); break;
    case PART_ARRAY1_STORE_BOOL_: emit_array_store(e, p, CASCADE_BOOL, 1); break;
    case PART_ARRAY2_BOOL_: emit_array_item(e, p, CASCADE_BOOL); break;
    case PART_ARRAY2_STORE_BOOL_: emit_array_store(e, p, CASCADE_BOOL, 2); break;
    case PART_ARRAY_NEXT_BOOL_: emit_array_next(e, p, CASCADE_BOOL); break;
    case PART_ARRAY1_UINT8: emit_array_item(e, p, CASCADE_UINT8); break;
    case PART_ARRAY1_STORE_UINT8: emit_array_store(e, p, CASCADE_UINT8, 1); break;
    case PART_ARRAY2_UINT8: emit_array_item(e, p, CASCADE_UINT8); break;
    case PART_ARRAY2_STORE_UINT8: emit_array_store(e, p, CASCADE_UINT8, 2); break;
    case PART_ARRAY_NEXT_UINT8: emit_array_next(e, p, CASCADE_UINT8); break;
    case PART_ARRAY1_INT32: emit_array_item(e, p, CASCADE_INT32); break;
    case PART_ARRAY1_STORE_INT32: emit_array_store(e, p, CASCADE_INT32, 1); break;
    case PART_ARRAY2_INT32: emit_array_item(e, p, CASCADE_INT32); break;
    case PART_ARRAY2_STORE_INT32: emit_array_store(e, p, CASCADE_INT32, 2); break;
    case PART_ARRAY_NEXT_INT32: emit_array_next(e, p, CASCADE_INT32); break;
    case PART_ARRAY1_INT64: emit_array_item(e, p, CASCADE_INT64); break;
    case PART_ARRAY1_STORE_INT64: emit_array_store(e, p, CASCADE_INT64, 1); break;
    case PART_ARRAY2_INT64: emit_array_item(e, p, CASCADE_INT64); break;
    case PART_ARRAY2_STORE_INT64: emit_array_store(e, p, CASCADE_INT64, 2); break;
    case PART_ARRAY_NEXT_INT64: emit_array_next(e, p, CASCADE_INT64); break;
    case PART_ARRAY1_FLOAT32: emit_array_item(e, p, CASCADE_FLOAT32); break;
    case PART_ARRAY2_FLOAT32: emit_array_item(e, p, CASCADE_FLOAT32); break;
    case PART_ARRAY_NEXT_FLOAT32: emit_array_next(e, p, CASCADE_FLOAT32); break;
    case PART_ARRAY1_FLOAT64: emit_array_item(e, p, CASCADE_FLOAT64); break;
    case PART_ARRAY1_STORE_FLOAT64: emit_array_store(e, p, CASCADE_FLOAT64, 1); break;
    case PART_ARRAY2_FLOAT64: emit_array_item(e, p, CASCADE_FLOAT64); break;
    case PART_ARRAY2_STORE_FLOAT64: emit_array_store(e, p, CASCADE_FLOAT64, 2); break;
    case PART_ARRAY_NEXT_FLOAT64: emit_array_next(e, p, CASCADE_FLOAT64); break;
    case PART_OWN: emit_own(e, p); break;
    case PART_RELEASE: emit_release(e, p); break;
    case PART_CELL_ITEM: emit_cell_item(e, p); break;
    case PART_GUARD: emit_guard(e); break;
    case PART_EXPECT_ROOM: emit_room_test(e); break;
    case PART_EXPECT_CODE: emit_code_test(e, p); break;
    case PART_EXPECT_TAG: emit_tag_test(e, p, 1); break;
    case PART_EXPECT_OWN_TAG: emit_tag_test(e, p, 0); break;
    case PART_ATTRIBUTE_VALUE: emit_attribute_value(e, p); break;
    case PART_ATTRIBUTE_ITEM: emit_attribute_item(e, p); break;
    case PART_ATTRIBUTE_SLOT: emit_attribute_slot(e, p); break;
    case PART_EXPECT_NO_VALUE: emit_no_value(e, p); break;
    case PART_STORE_SLOT_FLOAT: case PART_STORE_SLOT_INT: case PART_STORE_SLOT_BOOL: case PART_STORE_SLOT_OWNED: case PART_STORE_SLOT_BORROWED:
    case PART_STORE_VALUE_FLOAT: case PART_STORE_VALUE_INT: case PART_STORE_VALUE_BOOL: case PART_STORE_VALUE_OWNED: case PART_STORE_VALUE_BORROWED:
        emit_attribute_store(e, p);
        break;
    case PART_RANGE: emit_range(e, p); break;
    case PART_BYTEARRAY_NEXT: emit_next_item(e, p, OF_BYTEARRAY, 0); break;
    case PART_BYTEARRAY_ITEM: emit_item(e, p, OF_BYTEARRAY); break;
    case PART_BYTEARRAY_STORE: emit_byte_store(e, p); break;
    case PART_BYTES_NEXT: emit_next_item(e, p, OF_BYTES, 0); break;
    case PART_BYTES_ITEM: emit_item(e, p, OF_BYTES); break;
    case PART_TEXT_NEXT: emit_next_item(e, p, OF_TEXT, 0); break;
    case PART_TEXT_ITEM: emit_item(e, p, OF_TEXT); break;
    case PART_TEXT_SIZE: emit_text_size(e, p); break;
    case PART_LIST_STORE_FLOAT: case PART_LIST_STORE_INT: case PART_LIST_STORE_BOOL: case PART_LIST_STORE_OWNED: case PART_LIST_STORE_BORROWED:
    case PART_LIST_REPLACE:
        emit_list_store(e, p);
        break;
    case PART_APPEND: emit_append(e, p); break;
    case PART_APPEND_INT: emit_append_int(e, p); break;
    case PART_LIST_POP: emit_pop(e, p); break;
    case PART_BOX_INT: emit_boxed_int(e, p); break;
    case PART_BOX_BOOL: emit_boxed_bool(e, p); break;
    case PART_TRUTH: emit_truth(e, p); break;
    case PART_ARRAY_DIMENSION: emit_array_dimension(e, p); break;
    default: CODE->failed = 1;
    }
}
