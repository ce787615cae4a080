#!/usr/bin/env python3
"""Makes the fixtures beside it: what transformers renders (needs transformers 5 and jinja2).

    make.py                            writes snippets.json, conversations.json, expected.json, chats.json, and the fuzzer's seeds
    make.py --check DRIVER FOLDER      renders every *.jinja of a folder with transformers and with DRIVER (the program
                                       built from tests/unit/jinja.c) and reports where they differ
    make.py --random DRIVER N [SEED]   the same for N random templates
"""
import argparse, copy, glob, json, os, random, subprocess, tempfile
from datetime import datetime

from transformers.utils.chat_template_utils import _compile_jinja_template

import snippets

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = "2024-07-26T12:30:00"

CONVERSATIONS = {
    "user": [("user", "Hello, who are you?")],
    "system": [("system", "You are terse."), ("user", "Hi")],
    "turns": [("user", "1+1?"), ("assistant", "2"), ("user", "2+2?")],
    "system-turns": [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello!"), ("user", "Bye"), ("assistant", "See you.")],
    "quotes": [("user", "She said \"it's {so}\", <b>&amp;</b> \\n 100%")],
    "lines": [("user", "  first\n\n  second\t\n")],
    "kazakh": [("system", "Қазақша жауап бер."), ("user", "Қазақстанның астанасы қай қала? Ұлы Дала — Ғаламат, Іле.")],
    "emoji": [("user", "😀 👩‍👩‍👧 é e\u0301 \u00a0")],
    "template": [("user", "{{ x }} {% if y %} {# z #} {%- raw -%} </s> <|im_end|>")],
    "empty": [("user", "")],
    "spaces": [("user", "   "), ("assistant", " a "), ("user", "\n")],
    "two-users": [("user", "a"), ("user", "b")],
    "assistant-first": [("assistant", "a"), ("user", "b")],
    "thinking": [("user", "q"), ("assistant", "<think>\nhm\n</think>\n\nanswer"), ("user", "again")],
}


def messages(name):
    return [{"role": role, "content": content} for role, content in CONVERSATIONS[name]]


TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
TEMPLATE_TOKENS = {
    "steppe.jinja": {"bos_token": "<|bos|>", "eos_token": "<|end|>", "pad_token": "<|end|>"},
    "smollm2.jinja": {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "unk_token": "<|endoftext|>", "pad_token": "<|im_end|>"},
}


def render(template, variables):
    """{"output": …} or {"error": …}, as transformers renders it."""
    try:
        compiled = _compile_jinja_template(template)
        clock = variables.get("strftime_now_value")
        given = {k: copy.deepcopy(v) for k, v in variables.items() if k != "strftime_now_value"}
        if clock:
            compiled.globals["strftime_now"] = datetime.fromisoformat(clock).strftime
        out = compiled.render(**given)
        out.encode()
        if "\0" in out or " at 0x" in out.lower():
            return {"error": "not reproducible"}
        return {"output": out}
    except Exception as e:
        return {"error": f"{type(e).__name__}: {e}"}


def write(name, value):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, indent=0)
        f.write("\n")


def make_snippets():
    cases = [{"template": t, **render(t, snippets.VARIABLES)} for t in snippets.TEMPLATES]
    write("snippets.json", {"variables": snippets.VARIABLES, "cases": cases})


def make_templates():
    write("conversations.json", {name: messages(name) for name in CONVERSATIONS})
    expected = []
    for path in sorted(glob.glob(os.path.join(HERE, "templates", "**", "*.jinja"), recursive=True)):
        name = os.path.relpath(path, os.path.join(HERE, "templates"))
        variables = {"tools": None, "documents": None, **TEMPLATE_TOKENS.get(name, TOKENS)}
        source = open(path, encoding="utf-8").read()
        cases = []
        for conversation in CONVERSATIONS:
            for generation in (True, False):
                given = {"messages": messages(conversation), "add_generation_prompt": generation, **variables}
                cases.append({"conversation": conversation, "generation": generation, **render(source, given)})
        expected.append({"template": name, "variables": variables, "cases": cases})
    write("expected.json", expected)


# ---- Folders of a model, as far as chat.c reads them

CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
SHOW = "{{ bos_token }}|{{ eos_token }}|{{ pad_token }}|{{ unk_token }}|{{ sep_token is defined }}|{{ image_token }}|{{ tools is none }}{{ documents is none }}|{{ messages[0].content }}|{{ add_generation_prompt }}"
TRIM = "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] | trim + '<|end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
DECODER = {"0": {"content": "<s>", "special": True}, "1": {"content": "</s>", "special": True}, "2": {"content": "plain", "special": False}, "3": {"content": "<|x|>", "special": True}}
ADDED = {"__type": "AddedToken", "content": "<s>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
# name, files (without tokenizer_class), user's text, what it becomes in the result (None: chat_render fails)
FOLDERS = [
    ("plain", {"tokenizer_config.json": {"chat_template": CHATML, "eos_token": "</s>"}}, "Hi there", "Hi there"),
    ("trims", {"tokenizer_config.json": {"chat_template": TRIM, "bos_token": "<s>"}}, "  Сәлем!\n", "Сәлем!"),
    ("tokens", {"tokenizer_config.json": {"chat_template": SHOW, "bos_token": ADDED, "eos_token": "</s>", "pad_token": None, "image_token": "<img>",
                                          "additional_special_tokens": ["<a>", "<b>"], "added_tokens_decoder": DECODER}}, "x", "x"),
    ("extra-list", {"tokenizer_config.json": {"chat_template": SHOW, "extra_special_tokens": ["<e>"], "unk_token": "<unk>"}}, "x", "x"),
    ("extra-names", {"tokenizer_config.json": {"chat_template": SHOW, "extra_special_tokens": {"image_token": "<img>"}}}, "x", "x"),
    ("tokens-map", {"tokenizer_config.json": {"chat_template": SHOW, "bos_token": "<old>"},
                    "special_tokens_map.json": {"bos_token": {"content": "<s>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}, "eos_token": "</s>"}}, "x", "x"),
    ("tokens-map-ignored", {"tokenizer_config.json": {"chat_template": SHOW, "bos_token": "<s>", "added_tokens_decoder": DECODER},
                            "special_tokens_map.json": {"bos_token": "<other>"}}, "x", "x"),
    ("file-wins", {"tokenizer_config.json": {"chat_template": "old"}, "chat_template.jinja": CHATML + "\n"}, "x", "x"),
    ("list", {"tokenizer_config.json": {"chat_template": [{"name": "tool_use", "template": "no"}, {"name": "default", "template": CHATML}]}}, "x", "x"),
    ("list-without-default", {"tokenizer_config.json": {"chat_template": [{"name": "tool_use", "template": "no"}]}}, "x", None),
    ("twice", {"tokenizer_config.json": {"chat_template": "{{ messages[0].content }}{{ messages[0].content }}"}}, "x", None),
    ("never", {"tokenizer_config.json": {"chat_template": "{{ messages|length }}"}}, "x", None),
    ("letters", {"tokenizer_config.json": {"chat_template": "{% for c in messages[0].content %}{{ c }} {% endfor %}"}}, "x", None),
    ("upper", {"tokenizer_config.json": {"chat_template": "<{{ messages[0].content|upper }}>"}}, "Straße", "STRASSE"),
    ("json", {"tokenizer_config.json": {"chat_template": "[{{ messages[0].content|tojson }}]"}}, "a\"b\n", "a\\\"b\\n"),
    ("repeated", {"tokenizer_config.json": {"chat_template": "aaa{{ messages[0].content }}aaa"}}, "aa", "aa"),
    ("repeated-empty", {"tokenizer_config.json": {"chat_template": "aaa{{ messages[0].content }}aaa"}}, "", ""),
    ("overlap", {"tokenizer_config.json": {"chat_template": "{% if messages[0].content == 'q' %}aaaa{% else %}aaa{{ messages[0].content }}aaa{% endif %}"}}, "q", None),
    ("looks", {"tokenizer_config.json": {"chat_template": "{% if 'x' in messages[0].content %}short{% else %}{{ messages[0].content }}!{% endif %}"}}, "xx", None),
    ("sentinel", {"tokenizer_config.json": {"chat_template": CHATML}}, "\ue0f0\ue1a7\ue2b5\ue3c9", "\ue0f0\ue1a7\ue2b5\ue3c9"),
    ("markup", {"tokenizer_config.json": {"chat_template": CHATML}}, "{{ x }}{% if %}<|im_end|>", "{{ x }}{% if %}<|im_end|>"),
    ("empty", {"tokenizer_config.json": {"chat_template": TRIM, "bos_token": "<s>"}}, "   ", ""),
    ("broken", {"tokenizer_config.json": {"chat_template": "{% if %}"}}, "x", None),
    ("refuses", {"tokenizer_config.json": {"chat_template": "{{ raise_exception('no') }}"}}, "x", None),
]


def make_chats():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    chats = []
    for name, files, user, content in FOLDERS:
        with tempfile.TemporaryDirectory() as folder:
            Tokenizer(models.WordLevel({"x": 0}, unk_token="x")).save(os.path.join(folder, "tokenizer.json"))
            texts = {}
            for file, value in files.items():
                texts[file] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                with open(os.path.join(folder, file), "w", encoding="utf-8") as f:
                    f.write(texts[file])
            tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
            chat = {"name": name, "files": texts, "user": user, "special": tokenizer.all_special_tokens, "bos_token": tokenizer.bos_token or ""}
            if content is not None:
                chat["text"] = tokenizer.apply_chat_template([{"role": "user", "content": user}], tokenize=False, add_generation_prompt=True)
                assert content in chat["text"], name
                chat["content"] = content
            chats.append(chat)
    write("chats.json", chats)


def make_corpus():
    """Seeds of the fuzzer: the snippets that render, ten in a file; the first byte chooses the variables."""
    folder = os.path.join(HERE, "..", "..", "fuzz", "corpus", "jinja")
    os.makedirs(folder, exist_ok=True)
    good = [t for t in snippets.TEMPLATES if "output" in render(t, snippets.VARIABLES)]
    for i in range(0, len(good), 10):
        with open(os.path.join(folder, f"snippets-{i // 10:02}"), "w", encoding="utf-8", newline="") as f:
            f.write("0" + "\n".join(good[i:i + 10]))
    for path in glob.glob(os.path.join(HERE, "templates", "**", "*.jinja"), recursive=True):
        with open(os.path.join(folder, os.path.basename(path)[:-6]), "w", encoding="utf-8") as f:
            f.write("1" + open(path, encoding="utf-8").read())


def drive(driver, cases):
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as f:
        json.dump(cases, f)
        f.flush()
        done = subprocess.run([driver, f.name], capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.decode().split("\n") if line]


def same(want, got):
    return want.get("output") == got.get("output") and ("error" in want) == ("error" in got)


PARAMETERS = {"type": "object", "required": ["city"], "properties": {
    "city": {"type": "string", "description": "Қала's <name>"}, "days": {"type": "integer", "default": 3},
    "unit": {"type": "string", "enum": ["C", "F"]}, "tags": {"type": "array", "items": {"type": "string"}},
    "where": {"type": "object", "properties": {"lat": {"type": "number"}, "any": {"type": ["string", "null"]}}}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "Forecast\nfor a city", "parameters": PARAMETERS}},
         {"type": "function", "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}}}]
CALL = {"id": "abcdefghi", "type": "function", "function": {"name": "weather", "arguments": {"city": "Алматы", "days": 2, "deep": {"a": [1, None, 2.5, True]}}}}
TOOL_TURNS = [{"role": "system", "content": "Use tools."}, {"role": "user", "content": "Weather?"},
              {"role": "assistant", "content": "", "reasoning_content": "I call it", "thinking": "I call it", "tool_calls": [CALL]},
              {"role": "tool", "name": "weather", "tool_call_id": "abcdefghi", "content": "{\"t\": -5}"},
              {"role": "assistant", "content": "Cold."}, {"role": "user", "content": "Thanks"}]
PARTS = [{"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "image"}, {"type": "text", "text": " this?"}]}]


def check_cases(path):
    """Conversations without tools, and, to reach more of the language, with them."""
    variants = [{"messages": messages(name), "tools": None, "documents": None} for name in CONVERSATIONS]
    variants += [{"messages": m, "tools": t, "documents": d} for m in (messages("user"), TOOL_TURNS, TOOL_TURNS[:4], TOOL_TURNS[1:3], PARTS)
                 for t, d in ((TOOLS, None), (TOOLS[1:], [{"title": "T", "text": "Text"}]), (None, None))]
    variants += [{"messages": TOOL_TURNS, "tools": [t["function"] for t in TOOLS], "documents": None, "enable_thinking": thinking,
                  "thinking": thinking, "reasoning_effort": "high", "functions": json.dumps(TOOLS), "datetime": NOW} for thinking in (True, False)]
    source = open(path, encoding="utf-8").read()
    return [{"template": source, "variables": {**v, "add_generation_prompt": generation, "strftime_now_value": NOW, **TOKENS}}
            for v in variants for generation in (True, False)]


def check(driver, folder):
    paths = sorted(glob.glob(os.path.join(folder, "*.jinja")))
    good = 0
    for path in paths:
        cases = check_cases(path)
        wants = [render(c["template"], c["variables"]) for c in cases]
        gots = drive(driver, cases)
        bad = [(w, g) for w, g in zip(wants, gots) if not same(w, g)]
        good += not bad
        rendered = sum("output" in w for w in wants)
        print(f"{'same' if not bad else 'DIFFERENT'}  {os.path.basename(path)}: {len(cases) - len(bad)} of {len(cases)} cases, {rendered} with text")
        for want, got in bad[:1]:
            print("    want", repr(want)[:400], "\n    got ", repr(got)[:400])
    print(f"{good} of {len(paths)} templates render identically")


# ---- Random templates

ATOMS = ["x", "y", "f", "yes", "no", "n", "s", "pad", "kz", "emoji", "nums", "empty", "words", "pairs", "d", "deep", "users",
         "messages", "html", "undefined_thing", "0", "1", "2", "-1", "3.5", "'a'", "''", "'o'", "'%s'", "none", "true", "[]", "{}",
         "[1, 2, 3]", "(1, 'a')", "{'a': 1, 'k': [2]}", "range(4)", "namespace(a=1)", "loop", "v", "i", "' pad '", "'b,c'"]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]
FILTERS = ["upper", "lower", "trim", "length", "tojson", "list", "string", "int", "float", "first", "last", "join", "sort", "unique",
           "reverse", "sum", "min", "max", "abs", "round", "default('q')", "d(7, true)", "join(', ')", "map('upper')", "map('string')",
           "map(attribute='name')", "select('odd')", "select", "reject", "selectattr('ok')", "rejectattr('ok')", "replace('a', 'ъ')",
           "capitalize", "title", "indent(2)", "indent(2, true)", "batch(2)", "slice(2)", "items", "dictsort", "tojson(indent=2)",
           "safe", "e", "truncate(5)", "center(9)", "wordcount", "count", "sort(reverse=true)", "selectattr('age', 'gt', 26)",
           "map(attribute='age')", "map(attribute='0')", "format(1)", "trim('a')", "int(3)", "round(1)", "batch(2, 'z')", "unique|list"]
TESTS = ["defined", "undefined", "none", "string", "mapping", "sequence", "iterable", "number", "integer", "float", "boolean", "true",
         "false", "odd", "even", "divisibleby(2)", "equalto(1)", "eq 1", "in [1, 'a']", "lower", "upper", "sameas none", "gt 1", "lt 2",
         "callable", "escaped"]
METHODS = [".upper()", ".lower()", ".strip()", ".lstrip()", ".rstrip()", ".split()", ".split(',')", ".split('a', 1)", ".rsplit('o', 1)",
           ".startswith('a')", ".endswith('a')", ".replace('a', 'b')", ".title()", ".find('l')", ".rfind('l')", ".count('l')", ".get('a')",
           ".get('z', 9)", ".items()", ".keys()", ".values()", ".join(['x', 'y'])", ".splitlines()", ".partition(' ')", ".isdigit()",
           ".capitalize()", ".swapcase()", ".a", ".name", ".b", "['a']", "[0]", "[-1]", "[1:]", "[::-1]", "[:2]", "[::2]", ".0", "[x]",
           ".index", ".last", ".first", ".length", ".previtem", ".nextitem", ".cycle(1, 2)", "()", "[none]", "['items']", ".index(1)"]


def expression(r, depth):
    kind = r.randrange(12) if depth else 0
    if kind < 2:
        return r.choice(ATOMS)
    inner = lambda: expression(r, depth - 1)
    if kind < 4:
        return f"({inner()} {r.choice(BINARY)} {inner()})" if r.random() < 0.7 else f"{inner()} {r.choice(BINARY)} {inner()}"
    if kind < 7:
        return f"{inner()}|{r.choice(FILTERS)}"
    if kind < 8:
        return f"{inner()} is {r.choice(['', 'not '])}{r.choice(TESTS)}"
    if kind < 10:
        return f"{inner()}{r.choice(METHODS)}"
    return r.choice([f"({inner()} if {inner()} else {inner()})", f"(not {inner()})", f"(-{inner()})", f"[{inner()}, {inner()}]",
                     f"{{'a': {inner()}, {inner()}: 1}}", f"({inner()},)", f"({inner()} if {inner()})", f"{inner()}[{inner()}:{inner()}]",
                     f"{inner()}[{inner()}]", f"m({inner()}, b={inner()})"])


def statements(r, depth):
    parts = []
    for _ in range(r.randrange(1, 4)):
        e = lambda: expression(r, r.choice([0, 1, 1, 2]))
        dash = lambda: r.choice(["", "", "-", "+"])
        tag = lambda body: "{%" + dash() + " " + body + " " + dash() + "%}"
        body = (lambda: statements(r, depth - 1)) if depth else (lambda: "t")
        kind = r.randrange(13)
        if kind < 4:
            parts.append("{{" + r.choice(["", "-"]) + " " + e() + " " + r.choice(["", "-"]) + "}}")
        elif kind < 6:
            parts.append(r.choice([" ", "\n", "text", " \n  ", "{# c #}", "  {#- c -#} ", "\t"]))
        elif kind == 6:
            parts.append(tag("if " + e()) + body() + (tag("elif " + e()) + body() if r.random() < 0.3 else "") +
                         (tag("else") + body() if r.random() < 0.5 else "") + tag("endif"))
        elif kind == 7:
            target = r.choice(["i", "i", "i", "i, v", "v"])
            control = r.choice(["", "", "", tag("if " + e()) + tag(r.choice(["break", "continue"])) + tag("endif")])
            parts.append(tag(f"for {target} in {e()}" + (f" if {e()}" if r.random() < 0.3 else "")) + body() + control + body() +
                         (tag("else") + body() if r.random() < 0.4 else "") + tag("endfor"))
        elif kind == 8:
            parts.append(tag(f"set {r.choice(['v', 's', 'w', 'ns.a', 'v, w', 'i'])} = {e()}"))
        elif kind == 9:
            parts.append(tag(f"set {r.choice(['v', 's'])}" + r.choice(["", " | upper"])) + body() + tag("endset"))
        elif kind == 10:
            parts.append(tag(f"macro m(a, b={e()})") + body() + "{{ a }}{{ b }}" + tag("endmacro"))
        elif kind == 11:
            parts.append(r.choice([tag("filter upper") + body() + tag("endfilter"), tag(f"with i = {e()}") + body() + tag("endwith"),
                                   tag("generation") + body() + tag("endgeneration"), "{% raw %} {{ x }} {% endraw %}",
                                   tag(f"call m({e()})") + body() + tag("endcall")]))
        else:
            parts.append("{{ m(" + e() + ") }}")
    return "".join(parts)


def check_random(driver, count, seed):
    r = random.Random(seed)
    given = {**snippets.VARIABLES, "strftime_now_value": NOW}
    cases = []
    for _ in range(count):
        start = "{% set ns = namespace(a=1) %}{% macro m(a, b=2) %}<{{ a }}{{ b }}>{% endmacro %}" if r.random() < 0.5 else ""
        cases.append({"template": start + statements(r, 2), "variables": given})
    bad, texts = 0, 0
    for case, got in zip(cases, drive(driver, cases)):
        want = render(case["template"], snippets.VARIABLES)
        texts += "output" in want
        ours = got.get("error", "")
        if same(want, got) or any(reason in ours for reason in ("unsupported", "64 bits", "cannot be printed")):
            continue
        bad += 1
        if bad <= 20:
            print("template", repr(case["template"])[:700], "\n    want", repr(want)[:300], "\n    got ", repr(got)[:300])
    print(f"{bad} of {count} random templates differ ({texts} rendered)")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--check", nargs=2, metavar=("DRIVER", "FOLDER"))
    p.add_argument("--random", nargs="+", metavar=("DRIVER", "N"))
    a = p.parse_args()
    if a.check:
        check(*a.check)
    elif a.random:
        check_random(a.random[0], int(a.random[1]), int((a.random + [0])[2]))
    else:
        make_snippets()
        make_templates()
        make_chats()
        make_corpus()


if __name__ == "__main__":
    main()
