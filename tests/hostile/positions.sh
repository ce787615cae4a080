#!/bin/sh
# positions.sh BUILD SOURCE: files of token positions: what is wrong in one is said in words, and what is right is what is read.
. "$2/tests/hostile/lib"
model m
say() { echo "$1"; failed=$((failed + 1)); }
head -3 "$source/examples/prompts/val.jsonl" >p.jsonl
head -4 "$source/examples/prompts/val.jsonl" | tail -1 >q.jsonl
ids=$(sed 's/.*"id": "\([^"]*\)".*/\1/' p.jsonl)
set -- $ids
spec() { # spec SOURCE-POSITIONS [TARGET-POSITIONS [LIMIT]]
    cat >s.mdx <<X
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text"$3)
prompts q = jsonl("q.jsonl", text: "text")
mapper M = mean() from m.layers[0].z @ ${1} to m.layers[0].z @ ${2:-$1} on p
report states(m.layers[1].resid_post @ ${1}, on: p, as: "s")
report states(M(m.layers[0].z @ ${1}), on: p, as: "t")
X
}
# A file with these lists for the three prompts.
lists() {
    n=0
    for id in $ids; do
        n=$((n + 1))
        eval "list=\$$n"
        [ -n "$list" ] && printf '{"id": "%s", "positions": %s}\n' "$id" "$list"
    done >f.jsonl
}
wrong() { # WHAT EXPECTED: of f.jsonl
    spec 'listed("f.jsonl")'
    refuse "$1" "$2" "$mdx" run s.mdx --write off
}

lists '[0]' '[1, -1]'
wrong "a prompt without a line" "f.jsonl: prompt $3 has no line here"
lists '[0]' '[1, -1]' '[500]'
wrong "out of range" "f.jsonl:3: prompt $3 has "
wrong "which one" " tokens, 500 is none of them"
lists '[0]' '[-500]' '[0]'
wrong "out of range from the end" "tokens, -500 is none of them"
lists '[2, 2]' '[0]' '[0]'
wrong "twice" "f.jsonl:1: token 2 of prompt $1 is listed twice, the second time as 2"
lists "[$(seq -s, 0 300 | sed 's/,*$//'), -1]" '[0]' '[0]'
wrong "too many" "tokens, "
length=$(sed -n 's/.* has \([0-9]*\) tokens.*/\1/p' err.txt)
lists "[1, $((1 - length))]" '[0]' '[0]'
wrong "twice, counted from both ends" "token 1 of prompt $1 is listed twice, the second time as $((1 - length))"
lists '[]' '[0]' '[0]'
wrong "an empty list" "f.jsonl:1: 'positions' is an empty list"
lists '"end"' '[0]' '[0]'
wrong "no list" "'positions' is a string, expected a list of whole numbers"
lists '[0.5]' '[0]' '[0]'
wrong "half a token" "the position 0.5 is no whole number"
lists '[1e300]' '[0]' '[0]'
wrong "a huge number" "the position 1e+300 is no whole number"
lists '[null]' '[0]' '[0]'
wrong "no number" "a position is null, expected a whole number"
lists '[[0]]' '[0]' '[0]'
wrong "a list in a list" "a position is a list, expected a whole number"
lists '[0' '[0]' '[0]'
wrong "broken JSON" "f.jsonl:1:"
printf '[1, 2]\n' >f.jsonl
wrong "no object" "f.jsonl:1: this is a list, expected an object with the fields 'id' and 'positions'"
printf '{"positions": [1]}\n' >f.jsonl
wrong "no id" "f.jsonl:1: 'id' is "
printf '{"id": "%s"}\n' "$1" >f.jsonl
wrong "no positions" "f.jsonl:1: 'positions' is "
printf '{"id": "%s", "positions": [1]}\n' "$1" "$1" >f.jsonl
wrong "a prompt twice" "f.jsonl:2: the id '$1' stands in line 1 already"
printf '{"id": "nobody", "positions": [1]}\n' >f.jsonl
wrong "a prompt that is not there" "f.jsonl:1: there is no prompt 'nobody'"
printf '\377\000' >f.jsonl
wrong "no text" "f.jsonl:1:"
: >f.jsonl
wrong "an empty file" "f.jsonl: prompt $1 has no line here"
rm f.jsonl
one() { # one POSITIONS: named once
    printf 'model m = hf("m")\nprompts p = jsonl("p.jsonl", text: "text")\nreport states(m.layers[1].z @ %s, on: p, as: "s")\n' "$1" >s.mdx
}
one 'listed("f.jsonl")'
refuse "no file" 'there is no file "f.jsonl"' "$mdx" check s.mdx
mkdir f.jsonl
wrong "a folder" "f.jsonl"
rmdir f.jsonl
one 'listed(3)'
refuse "no name" "expected a text in quotes" "$mdx" check s.mdx

# As many in the source and the target.
lists '[0]' '[1, -1]' '[0]'
cp f.jsonl two.jsonl
lists '[0]' '[0, 1, -1]' '[0]'
spec 'listed("two.jsonl")' 'listed("f.jsonl")'
refuse "unequal lists" "prompt $2 has 2 selected tokens here and 3 where they go" "$mdx" run s.mdx --write off

# What a file lists is what a word selects; its hash is in the manifest. Lines may be of prompts of any definition, and of
# those that a limit leaves out.
same() { # WHAT LIST WORD
    count=$((count + 1))
    rm -rf out word
    lists "$2" "$2" "$2"
    printf '{"id": "%s", "positions": [0]}\n' "$(sed 's/.*"id": "\([^"]*\)".*/\1/' q.jsonl)" >>f.jsonl
    spec "$3"
    "$mdx" run s.mdx >/dev/null 2>&1 || say "$1: the word fails"
    mv out word
    spec 'listed("f.jsonl")'
    "$mdx" run s.mdx >/dev/null 2>err.txt || say "$1: $(cat err.txt)"
    for file in states/s.safetensors states/t.safetensors; do # but for the metadata, which says the place
        tail -c 1024 word/*/$file >a
        tail -c 1024 out/*/$file >b
        [ -s a ] && cmp -s a b || say "$1: $file differs"
    done
    grep -A1 '"role": "positions"' out/*/manifest.json | grep -q "$(sha256sum f.jsonl | cut -d' ' -f1)" || say "$1: the manifest lacks the file"
}
same "the last" '[-1]' end
same "the fourth" '[3]' '[3]'
same "three, in any order" '[3, 1, 2]' 'first(3)'
count=$((count + 1))
lists '[-1]'
spec 'listed("f.jsonl")' '' ', limit: 1'
printf '{"id": "later", "positions": [0]}\n' >>f.jsonl
"$mdx" run s.mdx --write off >/dev/null 2>err.txt || say "a limit: $(cat err.txt)"
finish 29
