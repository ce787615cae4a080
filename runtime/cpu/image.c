// image.c: what a linker would do with the object of one function.
//
// LLVM leaves the code in one section, its constants in others, and a list of the places in the code where the distance
// to a constant is missing. Here the sections come one behind another and the distances are filled in; they stay the
// same wherever the bytes are. Addresses, and symbols of other objects, are refused: a row kernel asks for none.
#include <elf.h>

#include "runtime/cpu/image.h"

typedef struct {
    const unsigned char *object;
    const Elf64_Ehdr *header;
    const Elf64_Shdr *sections;
    size_t *at; // [sections] where each is in the image; NOWHERE
    unsigned char *image;
    size_t size;
} Image;

static const size_t NOWHERE = SIZE_MAX;
enum { LONGEST_ALIGN = 4096 };

// ---- Sections

static bool belongs(const Elf64_Shdr *section, bool code) {
    return section->sh_flags & SHF_ALLOC && section->sh_size && !(section->sh_flags & SHF_EXECINSTR) == !code;
}

static void place(Image *image, bool code) {
    for (size_t i = 0; i < image->header->e_shnum; i++) {
        const Elf64_Shdr *section = &image->sections[i];
        if (!belongs(section, code)) continue;
        size_t align = MAX(section->sh_addralign, 1);
        MUST(align <= LONGEST_ALIGN && section->sh_type != SHT_NOBITS && !(section->sh_flags & SHF_WRITE));
        image->at[i] = (image->size + align - 1) / align * align;
        image->size = image->at[i] + section->sh_size;
    }
}

static void copy_sections(Image *image, Arena *arena) {
    image->image = arena_many(arena, unsigned char, image->size);
    for (size_t i = 0; i < image->header->e_shnum; i++)
        if (image->at[i] != NOWHERE)
            memcpy(image->image + image->at[i], image->object + image->sections[i].sh_offset,
                   image->sections[i].sh_size);
}

// ---- Distances

typedef void Fill(unsigned char *at, uint64_t place, uint64_t target, uint32_t shift);

static void fill_distance(unsigned char *at, uint64_t place, uint64_t target, uint32_t shift) {
    (void)shift;
    uint32_t distance = (uint32_t)(target - place);
    memcpy(at, &distance, sizeof distance);
}

static void fill_bits(unsigned char *at, uint32_t bits) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    word |= bits;
    memcpy(at, &word, sizeof word);
}

// How many pages of 4 KB away.
static void fill_page(unsigned char *at, uint64_t place, uint64_t target, uint32_t shift) {
    (void)shift;
    uint32_t pages = (uint32_t)((target >> 12) - (place >> 12));
    fill_bits(at, (pages & 3) << 29 | (pages >> 2 & 0x7ffff) << 5);
}

// Where in its page, in units of the instruction.
static void fill_offset(unsigned char *at, uint64_t place, uint64_t target, uint32_t shift) {
    (void)place;
    fill_bits(at, (uint32_t)(target & 0xfff) >> shift << 10);
}

static const struct {
    uint32_t machine, type;
    Fill *fill;
    uint32_t shift;
} fills[] = {
    {EM_X86_64, R_X86_64_PC32, fill_distance, 0},
    {EM_X86_64, R_X86_64_PLT32, fill_distance, 0},
    {EM_AARCH64, R_AARCH64_PREL32, fill_distance, 0},
    {EM_AARCH64, R_AARCH64_ADR_PREL_PG_HI21, fill_page, 0},
    {EM_AARCH64, R_AARCH64_ADD_ABS_LO12_NC, fill_offset, 0},
    {EM_AARCH64, R_AARCH64_LDST8_ABS_LO12_NC, fill_offset, 0},
    {EM_AARCH64, R_AARCH64_LDST16_ABS_LO12_NC, fill_offset, 1},
    {EM_AARCH64, R_AARCH64_LDST32_ABS_LO12_NC, fill_offset, 2},
    {EM_AARCH64, R_AARCH64_LDST64_ABS_LO12_NC, fill_offset, 3},
    {EM_AARCH64, R_AARCH64_LDST128_ABS_LO12_NC, fill_offset, 4},
};

static bool fill(Image *image, const Elf64_Rela *missing, size_t place, uint64_t target, Error *err) {
    uint32_t machine = image->header->e_machine, type = (uint32_t)ELF64_R_TYPE(missing->r_info);
    for (size_t i = 0; i < COUNT(fills); i++) {
        if (fills[i].machine != machine || fills[i].type != type) continue;
        fills[i].fill(image->image + place, place, target, fills[i].shift);
        return true;
    }
    FAIL(err, ERR_SYSTEM, "llvm: a row kernel of machine %u needs relocation %u, which mdx does not know", machine,
         type);
}

static const Elf64_Shdr *section_at(const Image *image, uint32_t i) {
    MUST(i < image->header->e_shnum);
    return &image->sections[i];
}

static bool fill_one(Image *image, const Elf64_Shdr *list, const Elf64_Rela *missing, Error *err) {
    const Elf64_Shdr *symbols = section_at(image, list->sh_link);
    const Elf64_Sym *symbol =
        (const Elf64_Sym *)(const void *)(image->object + symbols->sh_offset) + ELF64_R_SYM(missing->r_info);
    const char *names = (const char *)image->object + section_at(image, symbols->sh_link)->sh_offset;
    if (symbol->st_shndx >= image->header->e_shnum || image->at[symbol->st_shndx] == NOWHERE)
        FAIL(err, ERR_SYSTEM, "llvm: a row kernel needs '%s', which is not in it", names + symbol->st_name);
    uint64_t target = image->at[symbol->st_shndx] + symbol->st_value + (uint64_t)missing->r_addend;
    return fill(image, missing, image->at[list->sh_info] + missing->r_offset, target, err);
}

static bool fill_all(Image *image, Error *err) {
    for (size_t i = 0; i < image->header->e_shnum; i++) {
        const Elf64_Shdr *list = &image->sections[i];
        if (list->sh_type != SHT_RELA || image->at[list->sh_info] == NOWHERE) continue;
        const Elf64_Rela *missing = (const Elf64_Rela *)(const void *)(image->object + list->sh_offset);
        for (size_t k = 0; k < list->sh_size / sizeof *missing; k++) TRY(fill_one(image, list, &missing[k], err));
    }
    return true;
}

// ---- Public

bool image_of(Str object, Arena *arena, Str *out, Error *err) {
    const unsigned char *at = (const unsigned char *)object.at;
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)(const void *)at;
    if (object.len < sizeof *header || memcmp(at, ELFMAG, SELFMAG) != 0 || header->e_ident[EI_CLASS] != ELFCLASS64)
        FAIL(err, ERR_SYSTEM, "llvm: the object of a row kernel is not of 64-bit ELF");
    Image image = {at, header, (const Elf64_Shdr *)(const void *)(at + header->e_shoff), NULL, NULL, 0};
    image.at = arena_many(arena, size_t, header->e_shnum);
    for (size_t i = 0; i < header->e_shnum; i++) image.at[i] = NOWHERE;
    place(&image, true);
    place(&image, false);
    copy_sections(&image, arena);
    TRY(fill_all(&image, err));
    *out = (Str){(const char *)image.image, image.size};
    return true;
}
