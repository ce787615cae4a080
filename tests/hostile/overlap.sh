#!/bin/sh
# overlap.sh BUILD SOURCE: what is fitted on prompts is not measured on the same texts under another name.
. "$2/tests/hostile/lib"
model m
printf '{"id": "a%s", "text": "text %s"}\n' 1 1 2 2 3 3 4 4 5 5 6 6 >train.jsonl
printf '{"id": "b%s", "text": "text %s"}\n' 1 2 2 9 3 3 4 4 5 5 >val.jsonl
printf '{"id": "c%s", "text": "other %s"}\n' 1 1 2 2 >new.jsonl
say() { echo "$1"; failed=$((failed + 1)); }
head='model m = hf("m")
prompts train = jsonl("train.jsonl", text: "text")
prompts val = jsonl("val.jsonl", text: "text")
prompts new = jsonl("new.jsonl", text: "text")
hook h = layers[0].resid_post @ end
mapper M = mean() from m.h to m.h on train
subspace D = pca(m.h, rank: 1, on: train)
patch p = h <- M(m.h)
run clean = m on val
run mapped = m on val with p'
names='4 of whose prompts are also in train, on which'
try() { # NAME, what the message says (empty: none), metric
    count=$((count + 1))
    printf '%s\nmetric e = %s\nreport table(e)\n' "$head" "$3" >s.mdx
    "$mdx" run s.mdx --write off >out.txt 2>err.txt
    status=$?
    if [ -z "$2" ]; then
        [ $status -eq 0 ] || say "$1: $(cat err.txt)"
    else
        [ $status -eq 1 ] && grep -qF "$2" err.txt || say "$1: $(cat out.txt err.txt)"
    fi
}
try "a map" "measured on val, $names M is fitted: b1, b3, b4 and 1 more" 'mean(cosine(M(m.h), m.h, on: val))'
try "a patch" "$names M is fitted" 'mean(kl(mapped, clean))'
try "a subspace" "$names D is fitted" 'bootstrap(cka(project(D, m.h), m.h, on: val), n: 5)'
try "on train itself" "" 'r2(M(m.h), m.h, on: train)'
try "on other texts" "" 'r2(M(m.h), m.h, on: new)'
try "without the map" "" 'mean(entropy(clean))'
finish 6
