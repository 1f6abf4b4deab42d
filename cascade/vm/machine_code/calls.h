/* Machine code of calls of helpers, and of their returns. They are no parts: no register has a place while they are executed, so that all
 * values stand in memory, as for a handler. Included by machine_code.h. */

static int is_between_functions(int opcode) { return opcode == CASCADE_CALL_OPCODE || opcode == CASCADE_HELPER_RETURN_OPCODE; }

static cascade_place in_state(size_t offset) { return at_memory(STATE, (int64_t)offset); }

static void emit_call(cascade_emitter *e)
{
    const cascade_word *w = WORD;
    int32_t word = e->word, target = final_target(e->plan, jump_target(e)), handler[3], out_of_fuel;
    int8_t strided = e->strided;
    m_load(CODE, T0, in_state(offsetof(cascade_state, depth)));
    m_operate(CODE, M_CMP, T0, in_state(offsetof(cascade_state, depth_limit)));
    handler[0] = m_jump(CODE, CC_GE);
    m_operate(CODE, M_CMP, T0, in_state(offsetof(cascade_state, depth_room)));
    handler[1] = m_jump(CODE, CC_GE);
    m_load(CODE, T1, in_state(offsetof(cascade_state, end)));
    m_operate(CODE, M_SUB, T1, in_register(REGISTERS));
    m_set(CODE, T2, 8 * ((int64_t)w->b + w->d));
    m_operate(CODE, M_CMP, T1, in_register(T2));
    handler[2] = m_jump(CODE, CC_L);
    m_load(CODE, T1, in_state(offsetof(cascade_state, calls)));
    m_combine(CODE, M_ADD, T2, in_register(T0), in_register(T0));
    m_address(CODE, T1, at_item(T1, T2, 3, 0));
    m_set(CODE, T2, (int64_t)(intptr_t)w);
    m_store(CODE, at_memory(T1, offsetof(cascade_call, word)), T2);
    m_set(CODE, T2, w->b);
    m_store(CODE, at_memory(T1, offsetof(cascade_call, window)), T2);
    m_increment(CODE, in_register(T0));
    m_store(CODE, in_state(offsetof(cascade_state, depth)), T0);
    m_address(CODE, REGISTERS, at_memory(REGISTERS, 8 * (int64_t)w->b));
    m_decrement(CODE, in_register(FUEL));
    out_of_fuel = m_jump(CODE, CC_LE);
    if (target < e->plan->length && e->plan->region_of[target] == NO_REGION) {
        e->strided = 0;
        branch(e, m_jump(CODE, CC_ALWAYS), target);
        e->strided = strided;
    }
    else
        jump_out(e, target, NULL);
    m_land(CODE, out_of_fuel, CODE->size);
    jump_out(e, target, (const void *)cascade_out_of_fuel);
    for (int i = 0; i < 3; i++)
        m_land(CODE, handler[i], CODE->size);
    jump_out(e, word, NULL);
}

static void emit_helper_return(cascade_emitter *e)
{
    m_load(CODE, T1, home_of(e, WORD->a));
    m_load(CODE, T0, in_state(offsetof(cascade_state, depth)));
    m_decrement(CODE, in_register(T0));
    m_store(CODE, in_state(offsetof(cascade_state, depth)), T0);
    m_load(CODE, T2, in_state(offsetof(cascade_state, calls)));
    m_operate(CODE, M_ADD, T0, in_register(T0));
    m_address(CODE, T2, at_item(T2, T0, 3, 0));
    m_load(CODE, T0, at_memory(T2, offsetof(cascade_call, window)));
    m_negate(CODE, T0);
    m_address(CODE, REGISTERS, at_item(REGISTERS, T0, 3, 0));
    m_load(CODE, T2, at_memory(T2, offsetof(cascade_call, word)));
    m_load_32(CODE, T0, at_memory(T2, offsetof(cascade_word, a)));
    m_store(CODE, at_item(REGISTERS, T0, 3, 0), T1);
    m_address(CODE, ARGUMENT_WORD, at_memory(T2, sizeof(cascade_word)));
    jump_with_word(e, NULL);
}

static void emit_between_functions(cascade_emitter *e)
{
    if (e->plan->opcodes[e->word] == CASCADE_CALL_OPCODE)
        emit_call(e);
    else
        emit_helper_return(e);
}
