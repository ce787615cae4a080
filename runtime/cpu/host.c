// host.c: what LLVM asks a processor before it compiles for it, asked without LLVM.
#include "runtime/cpu/host.h"

#if defined(__x86_64__)
#include <cpuid.h>

enum { EAX = 1, EBX = 2, ECX = 4, EDX = 8, ALL = 15 };

// The vendor, the model, the features. Registers that count cores, or differ from core to core, are left out.
static const struct {
    uint32_t leaf, part, registers;
} questions[] = {
    {0, 0, ALL},          {1, 0, EAX | ECX | EDX}, {7, 0, ALL},
    {7, 1, ALL},          {0xd, 1, EAX},           {0x14, 0, ALL},
    {0x19, 0, ALL},       {0x24, 0, ALL},          {0x80000001, 0, ECX | EDX},
    {0x80000008, 0, EBX},
};

// Which registers the system keeps: those of AVX-512 may be there and unusable.
static uint64_t kept_registers(void) {
    uint32_t low = 0, high = 0, a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d) && c & bit_OSXSAVE) __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

void host_hash(Hasher *hasher) {
    for (size_t i = 0; i < COUNT(questions); i++) {
        uint32_t answer[4] = {0};
        __get_cpuid_count(questions[i].leaf, questions[i].part, &answer[0], &answer[1], &answer[2], &answer[3]);
        for (uint32_t k = 0; k < COUNT(answer); k++)
            if (!(questions[i].registers >> k & 1)) answer[k] = 0;
        hasher_add(hasher, answer, sizeof answer);
    }
    uint64_t kept = kept_registers();
    hasher_add(hasher, &kept, sizeof kept);
}
#else
#include <sys/auxv.h>

// What the system says that programs may use.
void host_hash(Hasher *hasher) {
    const unsigned long words[] = {getauxval(AT_HWCAP), getauxval(AT_HWCAP2)};
    hasher_str(hasher, str_of((const char *)(uintptr_t)getauxval(AT_PLATFORM)));
    hasher_add(hasher, words, sizeof words);
}
#endif
