/* Machine code off the usual way: exits to handlers, edges between regions, and where handlers come in. Included by machine_code.h. */

static void emit_way_out(cascade_emitter *e, const cascade_aside *aside)
{
    const void *handler = NULL;
    int32_t word = aside->word;
    if (aside->undo) {
        if (aside->value != INT64_MAX)
            m_operate_with(CODE, aside->undo, in_register(aside->undo_reg), (int32_t)aside->value);
        else
            m_operate(CODE, aside->undo, aside->undo_reg, aside->undo_from);
    }
    store_places(e, e->plan->region_of[word], aside->dirty);
    if (aside->kind == ASIDE_FUEL) {
        handler = (const void *)cascade_out_of_fuel;
        word = aside->target;
    }
    else if (aside->kind == ASIDE_STEPS)
        handler = (const void *)cascade_out_of_steps;
    else
        handler = (const void *)cascade_handlers[e->plan->opcodes[word]];
    jump_out(e, word, handler);
}

/* Between two regions: what both have in the same place stays there. */
static void change_region(cascade_emitter *e, int left, uint32_t dirty, int32_t word)
{
    int region = e->plan->region_of[word];
    store_places(e, left, dirty & ~shared_places(e->plan, left, region, dirty, 1));
    e->strided &= shared_facts(e->plan, left, region) != 0;
    load_places(e, region, left);
    establish_facts(e, word, left, shared_places(e->plan, left, region, dirty, 0));
}

/* From one region into another one, or to a word that is not translated. */
static void emit_edge(cascade_emitter *e, const cascade_aside *aside)
{
    int left = e->plan->region_of[aside->word];
    if (aside->target >= e->plan->length) {
        store_places(e, left, aside->dirty);
        jump_out(e, aside->target, NULL);
        return;
    }
    change_region(e, left, aside->dirty, aside->target);
    branch(e, m_jump(CODE, CC_ALWAYS), aside->target);
}

static void emit_aside(cascade_emitter *e, int32_t number)
{
    cascade_aside aside = e->asides[number];       /* a copy: there may come more */
    e->word = aside.word;
    e->strided = aside.strided;
    m_land(CODE, aside.jump, CODE->size);
    switch (aside.kind) {
    case ASIDE_STRIDED:
        e->strided = 1;
        establish_facts(e, aside.word, NO_REGION, aside.dirty);
        branch(e, m_jump(CODE, CC_ALWAYS), aside.word);
        return;
    case ASIDE_CHOICE:
        emit_choice_by_jump(e);
        return;
    case ASIDE_FROM_END:
        e->counts_from_end = 1;
        emit_part(e, &aside.part);
        e->counts_from_end = 0;
        break;
    case ASIDE_EDGE:
        emit_edge(e, &aside);
        return;
    case ASIDE_INDEX:
        m_operate(CODE, M_ADD, T0, aside.undo_from);
        m_operate(CODE, M_CMP, T0, aside.undo_from);
        leave_if(e, CC_AE);
        break;
    case ASIDE_DIVIDE:
        m_test(CODE, T1);
        leave_if(e, CC_E);
        m_operate_with(CODE, M_CMP, in_register(T1), -1);
        leave_if(e, CC_E);
        m_divide_down(CODE, aside.undo);
        break;
    case ASIDE_DIVIDE_KNOWN:
        m_set(CODE, T1, aside.value);
        m_divide_down(CODE, aside.undo);
        break;
    case ASIDE_BELOW: emit_below(e, &aside); break;
    case ASIDE_WIDE: emit_two_digits(e, aside.undo_reg); break;
    case ASIDE_ZERO: {
        int32_t resumes;
        m_set(CODE, T2, -aside.value);
        m_operate(CODE, M_ADD, T0, in_register(T2));
        leave_if(e, CC_NE);         /* no zero */
        m_load_float(CODE, F1, aside.undo_from);
        m_bits_of_float(CODE, T0, F1);
        m_operate(CODE, M_ADD, T0, in_register(T0));
        resumes = m_jump(CODE, CC_E);
        if (aside.undo && aside.target >= 0) {
            m_load_float(CODE, F1, float_place_of(e, aside.target));
            m_bits_of_float(CODE, T0, F1);
            m_operate(CODE, M_ADD, T0, in_register(T0));
            leave_if(e, CC_NE);
        }
        else
            leave_if(e, CC_ALWAYS);
        m_land(CODE, resumes, CODE->size);
        break;
    }
    default:
        emit_way_out(e, &aside);
        return;
    }
    m_land(CODE, m_jump(CODE, CC_ALWAYS), aside.resume);
}

/* Where a handler comes in. */
static void emit_entry(cascade_emitter *e, int32_t word)
{
    e->entries[word] = CODE->size;
    m_landing(CODE);
    m_load(CODE, FUEL, in_register(ARGUMENT_FUEL));
    m_load(CODE, STATE, in_register(ARGUMENT_STATE));
    load_places(e, e->plan->region_of[word], NO_REGION);
    establish_facts(e, word, NO_REGION, 0);
}
