// The object of one function as an image: hand-made ELF objects of two processors, against instructions written down
// from their manuals; and what is refused.
#include <elf.h>

#include "check.h"
#include "runtime/cpu/image.h"

// Null section, code, constants, symbols, their names, what is missing in the code.
enum { NONE, CODE, CONSTANTS, SYMBOLS, NAMES, MISSING, SECTIONS };
enum { MOST_MISSING = 4 };

typedef struct {
    Elf64_Ehdr header;
    Elf64_Shdr sections[SECTIONS];
    uint32_t code[4];
    uint64_t constants[2];
    Elf64_Sym symbols[3]; // none, the constants, one of another object
    char names[16];
    Elf64_Rela missing[MOST_MISSING];
} Object;

static Elf64_Shdr section(uint32_t type, uint64_t flags, size_t at, size_t size, uint64_t align, uint32_t link,
                          uint32_t info) {
    return (Elf64_Shdr){.sh_type = type,
                        .sh_flags = flags,
                        .sh_offset = at,
                        .sh_size = size,
                        .sh_link = link,
                        .sh_info = info,
                        .sh_addralign = align};
}

static Object object_of(uint16_t machine) {
    Object o = {.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                           .e_type = ET_REL,
                           .e_machine = machine,
                           .e_shoff = offsetof(Object, sections),
                           .e_shnum = SECTIONS,
                           .e_shentsize = sizeof(Elf64_Shdr)},
                .constants = {0x1111111111111111, 0x2222222222222222},
                .names = "\0constants\0log"};
    o.sections[CODE] =
        section(SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, offsetof(Object, code), sizeof o.code, 16, 0, 0);
    o.sections[CONSTANTS] = section(SHT_PROGBITS, SHF_ALLOC, offsetof(Object, constants), sizeof o.constants, 64, 0, 0);
    o.sections[SYMBOLS] = section(SHT_SYMTAB, 0, offsetof(Object, symbols), sizeof o.symbols, 8, NAMES, 0);
    o.sections[NAMES] = section(SHT_STRTAB, 0, offsetof(Object, names), sizeof o.names, 1, 0, 0);
    o.sections[MISSING] = section(SHT_RELA, 0, offsetof(Object, missing), 0, 8, SYMBOLS, CODE);
    o.symbols[1] = (Elf64_Sym){.st_name = 1, .st_shndx = CONSTANTS, .st_value = 8};
    o.symbols[2] = (Elf64_Sym){.st_name = 11, .st_shndx = SHN_UNDEF};
    return o;
}

static void miss(Object *o, uint64_t at, uint32_t symbol, uint32_t type, int64_t more) {
    Elf64_Shdr *list = &o->sections[MISSING];
    o->missing[list->sh_size / sizeof *o->missing] = (Elf64_Rela){at, ELF64_R_INFO((uint64_t)symbol, type), more};
    list->sh_size += sizeof *o->missing;
}

static Str object_bytes(const Object *o) {
    return (Str){(const char *)o, sizeof *o};
}

// mov eax, [rip + distance], and what LLVM leaves for it: the distance from the end of the instruction.
static void x86(Arena *arena) {
    Error err = {0};
    Str image;
    Object o = object_of(EM_X86_64);
    memcpy(o.code, "\x8b\x05\0\0\0\0\xc3", 7);
    miss(&o, 2, 1, R_X86_64_PC32, -4);
    CHECK(image_of(object_bytes(&o), arena, &image, &err) && image.len == 64 + 16);
    int32_t distance;
    memcpy(&distance, image.at + 2, sizeof distance);
    CHECK(distance == 64 + 8 - 6); // the second constant from the next instruction
    CHECK(memcmp(image.at, "\x8b\x05", 2) == 0 && image.at[6] == '\xc3' && memcmp(image.at + 64, o.constants, 16) == 0);
}

// adrp x8, constants; ldr q0, [x8, offset]; add x9, x8, offset; the constants lie in the next page but one.
static void arm(Arena *arena) {
    Error err = {0};
    Str image;
    Object o = object_of(EM_AARCH64);
    const uint32_t code[] = {0x90000008, 0x3dc00100, 0x91000109, 0xd65f03c0};
    memcpy(o.code, code, sizeof code);
    miss(&o, 0, 1, R_AARCH64_ADR_PREL_PG_HI21, 0x1fb8);  // 64 + 8 + 0x1fb8 = 0x2000
    miss(&o, 4, 1, R_AARCH64_LDST128_ABS_LO12_NC, 0x58); // 0xa0
    miss(&o, 8, 1, R_AARCH64_ADD_ABS_LO12_NC, 0x58);
    CHECK(image_of(object_bytes(&o), arena, &image, &err) && image.len == 64 + 16);
    const uint32_t want[] = {0xd0000008, 0x3dc02900, 0x91028109, 0xd65f03c0}; // pages 2: immlo 2, immhi 0
    CHECK(memcmp(image.at, want, sizeof want) == 0);
}

static void refused(Arena *arena, const Object *o, const char *why) {
    Error err = {0};
    Str image;
    CHECK(!image_of(object_bytes(o), arena, &image, &err));
    CHECK_STR(str_of(err.text), str_of(why));
}

static void refusals(Arena *arena) {
    Object o = object_of(EM_X86_64);
    miss(&o, 2, 2, R_X86_64_PLT32, -4);
    refused(arena, &o, "llvm: a row kernel needs 'log', which is not in it");
    o = object_of(EM_X86_64);
    miss(&o, 0, 1, R_X86_64_64, 0);
    refused(arena, &o, "llvm: a row kernel of machine 62 needs relocation 1, which mdx does not know");
    o = object_of(EM_AARCH64);
    miss(&o, 0, 1, R_X86_64_PC32, 0); // a number of another processor
    refused(arena, &o, "llvm: a row kernel of machine 183 needs relocation 2, which mdx does not know");
    o = object_of(EM_X86_64);
    o.header.e_ident[EI_CLASS] = ELFCLASS32;
    refused(arena, &o, "llvm: the object of a row kernel is not of 64-bit ELF");
}

int main(void) {
    Arena *arena = arena_open();
    x86(arena);
    arm(arena);
    refusals(arena);
    arena_close(arena);
    return check_done();
}
