#!/usr/bin/env python3
"""Make the fixtures of the tokenizer tests: what Hugging Face's `tokenizers` says about the texts here.

    python3 make.py SHARED [--smollm2 FOLDER]

SHARED is the folder with data/ and models/ that development uses; FOLDER is smollm2 laid out by its prepare.py.
Needs: tokenizers 0.23. Writes, beside this script (README.md says what each file holds):
lines.txt nasty.json model.json variants.json splits.json normal.json
lines.*.ids full.json, and the seeds in tests/fuzz/corpus/tokenizer.
"""
import argparse, glob, json, os, random, unicodedata

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.join(HERE, "..", "..", "..")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
FULL = {"gpt2": "data/tokenizers/gpt2", "gpt_neox": "data/tokenizers/gpt_neox", "qwen3": "data/tokenizers/qwen3",
        "llama3_1": "data/tokenizers/llama3_1"}


# ---- Texts
def read_jsonl(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def kazakh_sentences(path):
    with open(path, encoding="utf-8") as f:
        return [line[len("# text = "):].rstrip("\n") for line in f if line.startswith("# text = ")]


def make_lines(shared):
    rng = random.Random(1)
    data = os.path.join(shared, "data")
    questions = sorted({d["text"] for d in read_jsonl(f"{data}/prompts/kazqad/pool.jsonl")})
    treebank = sorted({s for f in sorted(glob.glob(f"{data}/kazakh/UD_Kazakh-KTB/*.conllu")) for s in kazakh_sentences(f)})
    english = sorted({d["text"] for d in read_jsonl(f"{data}/prompts/kazqad/neutral-en.jsonl")})
    problems = []
    for d in read_jsonl(f"{data}/prompts/gsm8k/test.jsonl"):
        problems += [d["question"].split(". ")[-1], d["answer"].split("\n")[0]]
    problems = sorted({p for p in problems if "\n" not in p})
    pick = lambda pool, n: rng.sample([s for s in pool if 10 < len(s) < 160 and "\n" not in s and "\r" not in s], n)
    lines = pick(questions, 650) + pick(treebank, 350) + pick(english, 100) + pick(problems, 900)
    rng.shuffle(lines)
    return lines


NASTY = [
    "", " ", "  ", "   ", "\n", "\n\n\n", "\r\n", "\r\n\r\n x", "\t", " \t \n \t", "a", " a", "a ", "  a  ", "\na", "a\n",
    "The quick brown fox doesn't jump over 12345 lazy dogs.", "I'M YOU'RE WE'VE they'll he'd she's it'S 'T 'ſ 'S'ſ",
    "ДОМ'S дом's қазақ'll", "0123456789 1,234,567.89 ٠١٢٣ Ⅷ ½ ² ³ ¹ 1²3 ①", "price: $5.00 €3,50 ₸100 №5",
    "Қазақстан — Орталық Азиядағы мемлекет. Әңғүұқөһі ӘҢҒҮҰҚӨҺІ", "қазақтардыкіндегілерден", "ғылым мен білім\tжəне\u00a0өнер",
    "и\u0306 И\u0306 е\u0308 й й\u0301 Й", "e\u0301 é e\u0301\u0301 ế e\u0302\u0301 a\u0323\u0302 a\u0302\u0323", "Å \u212b A\u030a \u2126 Ω",
    "ﬁ ﬃ ﷺ ㎞ ｆｕｌｌ ﾊﾟ ㌔ ½", "가 \u1100\u1161 \u1100\u1161\u11a8 각 \u1100 \u1161 가\u11a8", "\u0301 \u0301a \u0301\u0301", "q\u0307\u0323 q\u0323\u0307 \u0f73 \u0344",
    "👍🏽 👨‍👩‍👧‍👦 🇰🇿🇺🇸 ❤️ ☺︎ 🏳️‍🌈 1️⃣ #️⃣ 🫨 🩷", "😀😀😀x😀", "中文 日本語テスト 한국어 시험 ไทย हिन्दी தமிழ் ქართული",
    "العربية ١٢٣ لا إله עברית שָׁלוֹם", "İstanbul ıI iİ straße STRASSE ŉ ǰ", "a\u00a0b\u1680c\u2003d\u2028e\u2029f\u202fg\u205fh\u3000i\u0085j\u000bk\u000cl",
    "a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg\u180eh", "\ufffd \ufffd\ufffd", "\ue000\uf8ff\U000f0000\U0010ffff", "\u0378\u0379 \U000e0080 \u2fe0",
    "\u0897\u1c89\ua7da\U00010d40\U00010d50\U00031350\U0001e4d0\U0001fae9", "\u0001\u0002\u001b[31m\u007f\u0080\u009f",
    "a" * 300, "қ" * 100, " " * 100, "\n" * 50 + "x", "ab" * 100, "1" * 50, "!" * 70, "- " * 30, "=" * 33 + "\n" + "-" * 17,
    "def f(x):\n    return x  # comment\n\n\tif y:\n\t\tpass\n", "{\"key\": [1, 2.5e-3, null], 'a': \"b\\\"c\"}",
    "<|bos|>", "<|bos|><|end|>", " <|bos|> ", "<|user|>сәлем<|end|>\n<|assistant|>", "<|bos|", "|bos|>", "<<|bos|>>", "<|endoftext|> <|im_start|>user\n<|im_end|>",
    "<|begin_of_text|>hi<|eot_id|>", "<pad><pad> <pad>", "[MASK] [MASK][MASK]  [MASK]\n[MASK]x x[MASK]", "word words word, Word сөз word_ _word word1", "word\u200d ⓐword word² word‿ word\u0301 word\u0f0b сөз\U00010d50 сөз\U0001e4d0",
    "<tool>  x  <tool>\n<tool>", "x<a><ab><abc><abcd><ab <abcabc>", "caf\u00e9 cafe\u0301 café", "the  end ", "http://example.com/a?b=c&d=%20#frag",
    "  leading and trailing  ", "word" * 40, "x\u0301" * 20, "e\u0301" * 30, "\u00e9" * 30, "Ġ Ċ ĉ Ä Ń the Ġthe", "x\u2028\u2029 y", "a'b''c'''d", "\"'`´‘’“”«»",
]


# ---- Tokenizers cut from one small model
def train_model(lines):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
                                               pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=900, show_progress=False,
                                                     initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return json.loads(t.to_str())["model"]


def added(id, content, **flags):
    out = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {**out, **flags}


def byte_level(prefix=False, regex=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": False, "use_regex": regex}


def split(pattern, behavior, invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def template(before, after, ids):
    token = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    single = [token(n) for n in before] + [{"Sequence": {"id": "A", "type_id": 0}}] + [token(n) for n in after]
    return {"type": "TemplateProcessing", "single": single,
            "pair": single + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {n: {"id": n, "ids": i, "tokens": [n] * len(i)} for n, i in ids.items()}}


def steps(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


BYTES = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
BOS, EOS, MASK = "<|bos|>", "<|end|>", "[MASK]"


def variants(n):
    """name -> (the file without its model, options of the model); n is the size of the vocabulary."""
    llama3 = steps(split(LLAMA3, "Isolated"), byte_level())
    specials = [added(n, BOS), added(n + 1, EOS)]
    return {
        "llama3": ({"added_tokens": specials + [added(n + 2, "<|user|>"), added(n + 3, "<|assistant|>")], "normalizer": None, "pre_tokenizer": llama3,
                    "post_processor": {"type": "Sequence", "processors": [byte_level(True), template([BOS], [], {BOS: [n]})]}, "decoder": BYTES},
                   {"ignore_merges": True, "merges": 300}),
        "qwen": ({"added_tokens": [added(n, "<|endoftext|>"), added(n + 1, "<|im_start|>"), added(n + 2, "<|im_end|>"), added(n + 3, "<tool>", special=False)],
                  "normalizer": {"type": "NFC"}, "pre_tokenizer": steps(split(LLAMA3.replace("{1,3}", ""), "Isolated"), byte_level()),
                  "post_processor": byte_level(), "decoder": BYTES}, {}),
        "digits": ({"added_tokens": [added(n, "<|endoftext|>")], "normalizer": None,
                    "pre_tokenizer": steps({"type": "Digits", "individual_digits": True}, byte_level(regex=True)), "post_processor": None,
                    "decoder": {"type": "Sequence", "decoders": [BYTES, {"type": "Fuse"}]}}, {"string_merges": True}),
        "runs-of-digits": ({"added_tokens": [added(n, "сөз", special=False)], "normalizer": {"type": "Sequence", "normalizers": []},
                            "pre_tokenizer": steps({"type": "Digits", "individual_digits": False}, byte_level()), "post_processor": None,
                            "decoder": {"type": "Sequence", "decoders": [{"type": "Fuse"}, BYTES]}}, {"string_merges": True}),
        "prefix-space": ({"added_tokens": [added(n, MASK, lstrip=True), added(n + 1, "<pad>", rstrip=True)], "normalizer": None,
                          "pre_tokenizer": byte_level(prefix=True, regex=True),
                          "post_processor": template([BOS, BOS], [EOS], {BOS: [5, 6], EOS: [7]}), "decoder": BYTES}, {}),
        "spaces": ({"added_tokens": [added(n, "<|endoftext|>", normalized=True)] + [added(n + i, " " * (26 - i), normalized=True, special=False) for i in range(1, 25)],
                    "normalizer": {"type": "NFC"}, "pre_tokenizer": byte_level(regex=True), "post_processor": byte_level(), "decoder": BYTES}, {}),
        "added": ({"added_tokens": [added(n, "<a>"), added(n + 1, "<ab>", special=False), added(n + 2, "<abc>", normalized=True, special=False),
                                    added(n + 3, "abcd", special=False), added(n + 4, "word", single_word=True, special=False),
                                    added(n + 5, "<tool>", lstrip=True, rstrip=True), added(n + 6, "cafe\u0301", normalized=True, special=False),
                                    added(n + 7, "й", special=False), added(n + 8, MASK, lstrip=True, rstrip=True, normalized=True),
                                    added(n + 9, "сөз", single_word=True, normalized=True, special=False)],
                   "normalizer": {"type": "NFC"}, "pre_tokenizer": llama3, "post_processor": None, "decoder": BYTES}, {}),
        "whole": ({"added_tokens": [], "normalizer": None, "pre_tokenizer": byte_level(), "post_processor": None, "decoder": None}, {"ignore_merges": True, "merges": 100}),
        "nfkc": ({"added_tokens": [], "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "NFKC"}]},
                  "pre_tokenizer": byte_level(regex=True), "post_processor": None, "decoder": BYTES}, {}),
        "nfd": ({"added_tokens": [], "normalizer": {"type": "NFD"}, "pre_tokenizer": byte_level(regex=True), "post_processor": None, "decoder": {"type": "Fuse"}}, {}),
        "splits": ({"added_tokens": [], "normalizer": None,
                    "pre_tokenizer": steps(split(" ", "MergedWithNext", kind="String"), split("[аеоэыіұүуи]", "MergedWithPrevious"),
                                           split(r"[\r\n]+", "Removed"), split(r"\p{P}", "Contiguous"), byte_level()),
                    "post_processor": None, "decoder": BYTES}, {}),
        "lacking": ({"added_tokens": [], "normalizer": None, "pre_tokenizer": byte_level(regex=True), "post_processor": None, "decoder": BYTES}, {"drop": True}),
    }


def build(model, rest, options):
    """The whole tokenizer.json. Options change the model: ignore_merges; only so many merges; merges as strings; a byte dropped."""
    m = json.loads(json.dumps(model))
    m["merges"] = m["merges"][:options.get("merges")]
    m["ignore_merges"] = bool(options.get("ignore_merges"))
    if options.get("string_merges"):
        m["merges"] = [" ".join(pair) for pair in m["merges"]]
    if options.get("drop"):  # '§' is two bytes, of which the second has no token
        m["vocab"] = {("(none)" if t == "§" else t): i for t, i in m["vocab"].items()}
    return {"version": "1.0", "truncation": None, "padding": None, **rest, "model": m}


def make_corpus():
    """Seeds for the fuzzer: every variant around a model of a few tokens."""
    folder = os.path.join(HERE, "..", "..", "fuzz", "corpus", "tokenizer")
    os.makedirs(folder, exist_ok=True)
    tokens = list("abcx<>Ġ12ĊÐ°Ð¸ÌĨ'S§") + ["ab", "abc", "aa", "aaaa", "Ġa", "Ð°", "12"]
    model = {"type": "BPE", "vocab": {t: i for i, t in enumerate(dict.fromkeys(tokens))},
             "merges": [["a", "b"], ["ab", "c"], ["a", "a"], ["aa", "aa"], ["Ġ", "a"], ["Ð", "°"], ["1", "2"]]}
    for name, (rest, options) in variants(len(model["vocab"])).items():
        with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8", newline="\n") as f:
            json.dump(build(model, rest, options), f, ensure_ascii=False)


def byte_ranges(text, encoding, normalizes, prefix):
    """Ranges of bytes in characters' bounds. None where a normalizer changed the text: there mdx is finer."""
    if normalizes and any(unicodedata.normalize(f, text) != text for f in ("NFC", "NFKD")):
        return None
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    out = []
    for (begin, end), token in zip(encoding.offsets, encoding.tokens):
        if prefix and token == "Ġ" and text[begin:begin + 1] != " ":
            end = begin  # a space that was added covers nothing
        out.append([at[begin], at[end]])
    return out


def make_variants(model):
    out = []
    for name, (rest, options) in variants(len(model["vocab"])).items():
        t = Tokenizer.from_str(json.dumps(build(model, rest, options)))
        prefix = '"add_prefix_space": true' in json.dumps(rest["pre_tokenizer"])
        cases = []
        for i, text in enumerate(NASTY):
            e = t.encode(text)
            case = {"ids": e.ids}
            ranges = None if options.get("drop") else byte_ranges(text, e, rest["normalizer"], prefix)
            if ranges is not None and name in ("llama3", "digits", "prefix-space", "added", "splits"):
                case["ranges"] = [x for r in ranges for x in r]
            for key, skip in (("plain", True), ("text", False)):
                decoded = t.decode(e.ids, skip_special_tokens=skip)
                if decoded != text:
                    case[key] = decoded
            cases.append(case)
        out.append({"name": name, "rest": rest, "options": options, "cases": cases})
    return out


# ---- Patterns and behaviors
PATTERNS = [
    "^a", "b$", r"b\Z", r"b\z", r"\Aa", "a.", "a{,2}", "a{2}+", "a{1,2}+", "a{2}?", "a{1,2}?", "a++", "a**", "a+?", "[]a]", "[a[bc]]+", "[a-z&&[^b]]+",
    "[^a-z&&[^B]]+", "[^a[bc]]", r"[a\]]+", "a{", "{", "a}", "a{x}", "]", r"\bfoo\b", r"\B.", "", "x*", "(?<!a)b", "(?i:'s|'t|'re)", "(?i)abc|D", "a(?i)b|c",
    "(?i:[a-c])+", "(?i:k)", r"\x41\x{42}\u0043", r"\/\-\#", "[-a]+", "[a-]+", r"[a\-z]+", "(?<n>a)(b)", r"\p{^L}+", r"\P{L}+", r"[^\P{L}]+", r"\p{Letter}+", r"\p{lu}",
    "a(?#x)b", "(?>a+)b", r"\v", r"\e\a", r".\u0301", "(?:)", "()", r"\d{1,3}(?=(?:\d{3})*\b)", "(?=a)", r"[^\S\n]+", r"[\s\S]", r"[\D]+", r"[\W]+", r"\S", r"\h+", "a?+",
    r"\w+", r"[\w]+", r"\W+", r"\s+", r"\N", r"\Ba", r"\p{Han}+", r"\p{Cyrillic}+", r"[\p{P}\p{S}]+", r"\p{N}", r"\p{M}", r"\p{So}", r"[^\r\n\p{L}\p{N}]?+\p{L}++", r"\p{Lu}\p{Ll}*",
    r"(?>[^x]+?\n[^a-f])(?=[x\w])", "a|b|", "|a", r"[\]\[]", "[一-龥]+", "(?:ab)+?", r"\s+(?!\S)|\s+", "a$", "^", "$", r"(?<=\s)\S+", r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+",
    LLAMA3, r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s+",
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*""", "[一-龥぀-ゟ゠-ヿ]+",
]
REFUSED = ["(", "a)", "[a", "\\", "*a", "a|*", "[z-a]", r"\p{Foo}", "(?s:a)", "(?P<x>a)", r"(?<=a+)b", r"(a)\1", r"\k<n>", r"\R", r"\X", r"\K", r"\G", "[[:alpha:]]", "(?i:ss)", "(?i:ä)",
           r"[\w-x]", r"[a-\d]", r"\x{110000}", r"\xff", "(?~a)", "a{3,2}", "a{100000}", r"\101", r"\cA", r"\pL"]
SPLIT_TEXTS = [
    "ab\nab\n", "aaaaa aa a", "abc foo,foox Foo xABCd", "1234567 12 ab12ZZ", "a-x{a{x}a}/-#'s'T're]a]b", "a\u180eb \u00a0\u2003c\u3000²³½ ٣Ⅷ e\u0301x", "中文abc ҚАЗАҚ қазақ_КАЗ 😀+€\u2028—!?",
    "\t\x0b\x1b\x07\r\n\n x  \n\n y", "b\n\n аб", "K\u212a kſs ıİ",
]


def make_splits():
    out = []
    behaviors = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
    for i, pattern in enumerate(PATTERNS):
        s = pre_tokenizers.Split(Regex(pattern), "isolated")
        out.append([split(pattern, "Isolated"), [[p for p, _ in s.pre_tokenize_str(t)] for t in SPLIT_TEXTS]])
    for kind, pattern in [("Regex", r"\s+"), ("Regex", "[ab]"), ("String", "a"), ("String", "."), ("String", ""), ("Regex", ""), ("Regex", r"\d|")]:
        for behavior in behaviors:
            for invert in (False, True):
                s = pre_tokenizers.Split(pattern if kind == "String" else Regex(pattern), behavior, invert)
                part = split(pattern, "".join(w.capitalize() for w in behavior.split("_")), invert, kind)
                out.append([part, [[p for p, _ in s.pre_tokenize_str(t)] for t in SPLIT_TEXTS]])
    for individual in (False, True):
        s = pre_tokenizers.Digits(individual)
        out.append([{"type": "Digits", "individual_digits": individual}, [[p for p, _ in s.pre_tokenize_str(t)] for t in SPLIT_TEXTS]])
    return {"texts": SPLIT_TEXTS, "splits": out, "refused": REFUSED}


# ---- Normal forms, by Python's own tables
def make_normal():
    rng = random.Random(3)
    pool = list("aeiouAEq ий\u0306\u0308\u0301\u0323\u0302\u0307\u0327\u0345\u1100\u1161\u11a8가각\u0f71\u0f72\u0f73\u0f74\u09c7\u09be\u0b47\u0b56\u212bÅﬁﾊﾟﾞ㌔Ωﷺ½²\u3099カが\u0344\u0374\u2126ΐ"
                "\U0001d15e\U0001d165\u1026\u1025\u102e\U00011131\U00011127中豈x\u200d") + [chr(c) for c in rng.sample(range(0xc0, 0x3000), 60)]
    texts = [t for t in NASTY if len(t) < 60] + ["".join(rng.choice(pool) for _ in range(rng.randint(1, 12))) for _ in range(250)]
    texts = [t for t in texts if all(unicodedata.category(c) != "Cn" for c in t)]
    return [[t] + [unicodedata.normalize(f, t) for f in ("NFC", "NFD", "NFKC", "NFKD")] for t in texts]


# ---- Ids of the lines
def varints(ids):
    out = bytearray()
    for x in [len(ids)] + ids:
        while x >= 0x80:
            out.append(x & 0x7f | 0x80)
            x >>= 7
        out.append(x)
    return bytes(out)


def fnv(ids):
    h = 0x811c9dc5
    for x in ids:
        for byte in x.to_bytes(4, "little"):
            h = (h ^ byte) * 0x01000193 & 0xffffffff
    return "%08x" % h


def write(name, data):
    mode, kind = ("wb", {}) if isinstance(data, bytes) else ("w", {"encoding": "utf-8", "newline": "\n"})
    with open(os.path.join(HERE, name), mode, **kind) as f:
        f.write(data)


def one_a_line(items):
    """A list with one item a line, so that a change shows where it is."""
    return "[\n" + ",\n".join(json.dumps(i, ensure_ascii=False) for i in items) + "\n]"


def dump(name, items):
    write(name, one_a_line(items) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("shared")
    p.add_argument("--smollm2")
    a = p.parse_args()
    lines = make_lines(a.shared)
    write("lines.txt", "".join(line + "\n" for line in lines))
    dump("nasty.json", NASTY)
    model = train_model(lines)
    write("model.json", json.dumps({"vocab": model["vocab"], "merges": model["merges"]}, ensure_ascii=False) + "\n")
    made = make_variants(model)
    write("variants.json", "[" + ",\n".join(
        '{"name": "%s",\n"rest": %s,\n"options": %s,\n"cases": %s}' % (
            v["name"], json.dumps(v["rest"], ensure_ascii=False), json.dumps(v["options"]), one_a_line(v["cases"])) for v in made) + "]\n")
    splits = make_splits()
    write("splits.json", "{\"texts\": %s,\n\"refused\": %s,\n\"splits\": %s}\n" % (
        one_a_line(splits["texts"]), json.dumps(splits["refused"], ensure_ascii=False), one_a_line(splits["splits"])))
    dump("normal.json", make_normal())
    make_corpus()
    small = {name: Tokenizer.from_str(json.dumps(build(model, *v))) for name, v in variants(len(model["vocab"])).items()}
    for name in ("base", "tuned"):
        t = Tokenizer.from_file(os.path.join(REPO, "examples", "models", "steppe", name, "tokenizer.json"))
        write(f"lines.{name}.ids", b"".join(varints(t.encode(line).ids) for line in lines))
    for name in ("llama3", "qwen", "digits"):
        write(f"lines.{name}.ids", b"".join(varints(small[name].encode(line).ids) for line in lines[::4]))
    full = {name: os.path.join(a.shared, folder, "tokenizer.json") for name, folder in FULL.items()}
    if a.smollm2:
        full["smollm2"] = os.path.join(a.smollm2, "tokenizer.json")
    hashes = []
    for name, path in full.items():
        t = Tokenizer.from_file(path)
        hashes.append({"name": name, "lines": "".join(fnv(t.encode(x).ids) for x in lines), "nasty": "".join(fnv(t.encode(x).ids) for x in NASTY)})
    dump("full.json", hashes)


if __name__ == "__main__":
    main()
