/* Running typed code from a word to a stop. Included by kernel.h. */

/* Calls the handler of a word. Machine code, which that may lead to, does not keep the registers that a function has to keep: so this does,
 * in assembly, as no compiler can be told that a call changes them. */
#if CASCADE_HAS_MACHINE_CODE
#if defined(__ELF__)
#define CASCADE_HIDDEN ".globl cascade_step_in\n.hidden cascade_step_in\n.type cascade_step_in, @function\n"
#else
#define CASCADE_HIDDEN ".globl cascade_step_in\n.private_extern cascade_step_in\n"
#endif
#if defined(__aarch64__)
__asm__(".text\n.p2align 4\n" CASCADE_HIDDEN "cascade_step_in:\n.cfi_startproc\n"
    "hint 34\n"        /* bti c */
    "stp x29, x30, [sp, -64]!\n.cfi_def_cfa_offset 64\n.cfi_offset 29, -64\n.cfi_offset 30, -56\n"
    "stp x19, x20, [sp, 16]\n.cfi_offset 19, -48\n.cfi_offset 20, -40\n"
    "stp x21, x22, [sp, 32]\n.cfi_offset 21, -32\n.cfi_offset 22, -24\n"
    "str x23, [sp, 48]\n.cfi_offset 23, -16\n"
    "mov x29, sp\nldr x16, [x0]\nblr x16\n"
    "ldp x19, x20, [sp, 16]\nldp x21, x22, [sp, 32]\nldr x23, [sp, 48]\nldp x29, x30, [sp], 64\n"
    ".cfi_def_cfa_offset 0\n.cfi_restore 29\n.cfi_restore 30\n.cfi_restore 19\n.cfi_restore 20\n.cfi_restore 21\n.cfi_restore 22\n.cfi_restore 23\n"
    "ret\n.cfi_endproc\n");
#else
#define CASCADE_PUSH(name) "pushq %" name "\n.cfi_adjust_cfa_offset 8\n.cfi_rel_offset " name ", 0\n"
#define CASCADE_POP(name) "popq %" name "\n.cfi_adjust_cfa_offset -8\n.cfi_restore " name "\n"
__asm__(".text\n.p2align 4\n" CASCADE_HIDDEN "cascade_step_in:\n.cfi_startproc\n"
    CASCADE_PUSH("rbx") CASCADE_PUSH("r12") CASCADE_PUSH("r13") CASCADE_PUSH("r14") CASCADE_PUSH("r15")
    "callq *(%rdi)\n"
    CASCADE_POP("r15") CASCADE_POP("r14") CASCADE_POP("r13") CASCADE_POP("r12") CASCADE_POP("rbx")
    "ret\n.cfi_endproc\n");
#endif
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
