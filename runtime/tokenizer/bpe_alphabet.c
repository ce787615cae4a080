// bpe_alphabet.c: how byte-level vocabularies spell bytes: printable Latin-1 as itself, the 68 other bytes, in
// order, as the characters from U+0100 on.
#include "runtime/tokenizer/bpe.h"
#include "runtime/tokenizer/unicode.h"

static bool is_printable(unsigned byte) {
    return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

void byte_alphabet_fill(ByteAlphabet *alphabet) {
    memset(alphabet->byte, -1, sizeof alphabet->byte);
    unsigned shifted = 0x100;
    for (unsigned byte = 0; byte < 256; byte++) {
        unsigned c = is_printable(byte) ? byte : shifted++;
        alphabet->byte[c] = (int16_t)byte;
        alphabet->length[byte] = c < 0x80 ? 1 : 2;
        alphabet->utf8[byte][0] = (char)(c < 0x80 ? c : 0xc0 | c >> 6);
        alphabet->utf8[byte][1] = (char)(0x80 | (c & 0x3f));
    }
}

bool byte_alphabet_read(const ByteAlphabet *alphabet, Str spelling, Text *out) {
    for (size_t i = 0; i < spelling.len; i += utf8_length((unsigned char)spelling.at[i])) {
        uint32_t c = utf8_at(spelling.at + i);
        if (c >= COUNT(alphabet->byte) || alphabet->byte[c] < 0) return false;
        text_char(out, (char)alphabet->byte[c]);
    }
    return true;
}
