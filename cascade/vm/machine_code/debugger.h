/* The names of machine code for gdb and lldb, by their interface to code that is made at run time ("JIT Compilation Interface" in the manual of
 * gdb): a list of object files in memory, and a function in which the debugger stops when one comes or goes. Such a file has one section,
 * which is the code itself, and one symbol. Included by machine_code.h. */

#if CASCADE_HAS_MACHINE_CODE && defined(__linux__)
#include <elf.h>

typedef struct cascade_debugged {
    struct cascade_debugged *next, *before;
    const char *file;
    uint64_t size;
} cascade_debugged;

typedef struct {
    uint32_t version, action;
    cascade_debugged *relevant, *first;
} cascade_debugger_list;
enum { DEBUGGER_ADDS = 1, DEBUGGER_REMOVES = 2 };

/* The debugger finds these two by their names in each library that has them. Other libraries' are not to be taken for them. */
#define CASCADE_OWN __attribute__((visibility("protected")))
extern cascade_debugger_list __jit_debug_descriptor CASCADE_OWN;
extern void __jit_debug_register_code(void) CASCADE_OWN;
cascade_debugger_list __jit_debug_descriptor = {1, 0, NULL, NULL};
__attribute__((noinline)) void __jit_debug_register_code(void) { __asm__ volatile("" : : : "memory"); }

static const char cascade_section_names[] = "\0.text\0.symtab\0.strtab";
enum { TEXT_NAME_AT = 1, SYMBOLS_NAME_AT = 7, STRINGS_NAME_AT = 15 };

typedef struct {
    cascade_debugged entry;
    struct {
        Elf64_Ehdr header;
        Elf64_Shdr sections[4];     /* none, the code, symbols, strings */
        Elf64_Sym symbols[2];       /* none, the function */
        char strings[sizeof cascade_section_names + 200];
    } file;
} cascade_symbols;

static void cascade_tell_debugger(cascade_debugged *entry, uint32_t action)
{
    __jit_debug_descriptor.relevant = entry;
    __jit_debug_descriptor.action = action;
    __jit_debug_register_code();
    __jit_debug_descriptor.action = 0;
}

static void cascade_fill_symbols(cascade_symbols *made, const cascade_pages *pages, const char *name)
{
    const size_t start = offsetof(cascade_symbols, file);
    char *text = made->file.strings + sizeof cascade_section_names;
    memcpy(made->file.strings, cascade_section_names, sizeof cascade_section_names);
    snprintf(text, sizeof made->file.strings - sizeof cascade_section_names, "cascade::%s", name);
    made->file.header = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_REL,
#if defined(__x86_64__)
        .e_machine = EM_X86_64,
#else
        .e_machine = EM_AARCH64,
#endif
        .e_version = EV_CURRENT, .e_shoff = offsetof(cascade_symbols, file.sections) - start, .e_ehsize = sizeof(Elf64_Ehdr),
        .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 4, .e_shstrndx = 3};
    made->file.sections[1] = (Elf64_Shdr){.sh_name = TEXT_NAME_AT, .sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
        .sh_addr = (uint64_t)(uintptr_t)pages->bytes, .sh_size = (uint64_t)pages->used, .sh_addralign = 16};
    made->file.sections[2] = (Elf64_Shdr){.sh_name = SYMBOLS_NAME_AT, .sh_type = SHT_SYMTAB, .sh_offset = offsetof(cascade_symbols, file.symbols) - start,
        .sh_size = sizeof made->file.symbols, .sh_link = 3, .sh_info = 1, .sh_addralign = 8, .sh_entsize = sizeof(Elf64_Sym)};
    made->file.sections[3] = (Elf64_Shdr){.sh_name = STRINGS_NAME_AT, .sh_type = SHT_STRTAB, .sh_offset = offsetof(cascade_symbols, file.strings) - start,
        .sh_size = sizeof made->file.strings, .sh_addralign = 1};
    made->file.symbols[1] = (Elf64_Sym){.st_name = sizeof cascade_section_names, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = 1,
        .st_size = (uint64_t)pages->used};
}

/* Where memory is exhausted there is no name, which does no harm. Needs the GIL. */
static void cascade_show_debugger(cascade_pages *pages, const char *name)
{
    cascade_symbols *made = PyMem_Calloc(1, sizeof *made);
    if (made == NULL)
        return;
    cascade_fill_symbols(made, pages, name);
    made->entry.file = (const char *)&made->file;
    made->entry.size = sizeof made->file;
    made->entry.next = __jit_debug_descriptor.first;
    if (made->entry.next != NULL)
        made->entry.next->before = &made->entry;
    __jit_debug_descriptor.first = &made->entry;
    pages->symbols = made;
    cascade_tell_debugger(&made->entry, DEBUGGER_ADDS);
}

static void cascade_forget_symbols(cascade_pages *pages)
{
    cascade_symbols *made = pages->symbols;
    if (made == NULL)
        return;
    if (made->entry.before != NULL)
        made->entry.before->next = made->entry.next;
    else
        __jit_debug_descriptor.first = made->entry.next;
    if (made->entry.next != NULL)
        made->entry.next->before = made->entry.before;
    cascade_tell_debugger(&made->entry, DEBUGGER_REMOVES);
    PyMem_Free(made);
}
#else
static void cascade_show_debugger(cascade_pages *pages, const char *name)
{
    (void)pages;
    (void)name;
}
static void cascade_forget_symbols(cascade_pages *pages) { (void)pages; }
#endif
