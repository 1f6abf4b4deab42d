/* Running typed code from a word to a stop. Included by kernel.h. */

/* Calls the handler of a word. Machine code, which that may lead to, does not keep the registers that a function has to keep: so this does,
 * in assembly, as no compiler can be told that a call changes them. */
#if CASCADE_HAS_MACHINE_CODE
#if defined(__ELF__)
#define CASCADE_HIDDEN ".globl cascade_step_in\n.hidden cascade_step_in\n.type cascade_step_in, @function\n"
#else
#define CASCADE_HIDDEN ".globl cascade_step_in\n.private_extern cascade_step_in\n"
#endif
#define CASCADE_PUSH(name) "pushq %" name "\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset " name ", 0\n"
#define CASCADE_POP(name) "popq %" name "\n.cfi_adjust_cfa_offset -8\n.cfi_restore " name "\n"
__asm__(".text\n.p2align 4\n" CASCADE_HIDDEN "cascade_step_in:\n.cfi_startproc\n"
    CASCADE_PUSH("rbx") CASCADE_PUSH("r12") CASCADE_PUSH("r13") CASCADE_PUSH("r14") CASCADE_PUSH("r15")
    "callq *(%rdi)\n"
    CASCADE_POP("r15") CASCADE_POP("r14") CASCADE_POP("r13") CASCADE_POP("r12") CASCADE_POP("rbx")
    "ret\n.cfi_endproc\n");
extern const cascade_word *cascade_step_in(const cascade_word *, cascade_register *, int64_t, cascade_state *) __asm__("cascade_step_in");
#else
static const cascade_word *cascade_step_in(const cascade_word *w, cascade_register *r, int64_t fuel, cascade_state *s)
{
    return ((cascade_handler)w->run)(w, r, fuel, s);
}
#endif

/* Runs from s->word to a stop: `outcome` has its cause. */
static void cascade_run(cascade_state *s)
{
    const cascade_word *w = s->word;
    while (w != NULL)
        w = cascade_step_in(w, s->registers, s->fuel, s);
}

/* Runs from the current frame of a root to a stop of the frame that is current then. */
static void cascade_run_frames(cascade_state *root)
{
    cascade_state *s = root->current;
    const cascade_word *w = s->word;
    while (w != NULL) {
        w = cascade_step_in(w, s->registers, s->fuel, s);
        s = root->current;
    }
}
