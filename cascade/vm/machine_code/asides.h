/* Machine code off the usual way: exits to handlers, edges between regions, and where handlers come in. Included by machine_code.h. */

static void emit_way_out(cascade_emitter *e, const cascade_aside *aside)
{
    const void *handler = NULL;
    int32_t word = aside->word;
    if (aside->undo) {
        if (aside->value != INT64_MAX)
            x_operate_with(CODE, aside->undo, in_register(aside->undo_reg), (int32_t)aside->value);
        else
            x_operate(CODE, aside->undo, aside->undo_reg, aside->undo_from);
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

/* From one region into another one, or to a word that is not translated. */
static void emit_edge(cascade_emitter *e, const cascade_aside *aside)
{
    store_places(e, e->plan->region_of[aside->word], aside->dirty);
    if (aside->target >= e->plan->length) {
        jump_out(e, aside->target, NULL);
        return;
    }
    load_places(e, e->plan->region_of[aside->target]);
    establish_facts(e, aside->target);
    branch(e, x_jump(CODE, CC_ALWAYS), aside->target);
}

static void emit_aside(cascade_emitter *e, int32_t number)
{
    cascade_aside aside = e->asides[number];       /* a copy: there may come more */
    e->word = aside.word;
    x_land(CODE, aside.jump, CODE->size);
    switch (aside.kind) {
    case ASIDE_EDGE:
        emit_edge(e, &aside);
        return;
    case ASIDE_INDEX:
        x_operate(CODE, X_ADD, RAX, aside.undo_from);
        x_operate(CODE, X_CMP, RAX, aside.undo_from);
        leave_if(e, CC_AE);
        break;
    case ASIDE_DIVIDE:
        x_test(CODE, RCX);
        leave_if(e, CC_E);
        x_operate_with(CODE, X_CMP, in_register(RCX), -1);
        leave_if(e, CC_E);
        emit_floor_division(e, aside.undo);
        break;
    case ASIDE_DIVIDE_KNOWN:
        x_set(CODE, RCX, aside.value);
        emit_floor_division(e, aside.undo);
        break;
    case ASIDE_BELOW: emit_below(e, &aside); break;
    case ASIDE_WIDE: emit_two_digits(e, aside.undo_reg); break;
    case ASIDE_ZERO: {
        int32_t resumes;
        x_set(CODE, RDX, -aside.value);
        x_operate(CODE, X_ADD, RAX, in_register(RDX));
        leave_if(e, CC_NE);         /* no zero */
        x_load_float(CODE, 1, aside.undo_from);
        x_bits_of_float(CODE, RAX, 1);
        x_operate(CODE, X_ADD, RAX, in_register(RAX));
        resumes = x_jump(CODE, CC_E);
        if (aside.undo && aside.target >= 0) {
            x_load_float(CODE, 1, float_place_of(e, aside.target));
            x_bits_of_float(CODE, RAX, 1);
            x_operate(CODE, X_ADD, RAX, in_register(RAX));
            leave_if(e, CC_NE);
        }
        else
            leave_if(e, CC_ALWAYS);
        x_land(CODE, resumes, CODE->size);
        break;
    }
    default:
        emit_way_out(e, &aside);
        return;
    }
    x_land(CODE, x_jump(CODE, CC_ALWAYS), aside.resume);
}

/* Where a handler comes in. */
static void emit_entry(cascade_emitter *e, int32_t word)
{
    e->entries[word] = CODE->size;
    put_bytes(CODE, "\xF3\x0F\x1E\xFA", 4);       /* endbr64: where the processor tracks indirect jumps, this is a place to land */
    x_load(CODE, R10, in_register(RDX));
    x_load(CODE, R11, in_register(RCX));
    load_places(e, e->plan->region_of[word]);
    establish_facts(e, word);
}
