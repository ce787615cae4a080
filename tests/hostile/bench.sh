#!/bin/sh
# bench.sh BUILD SOURCE: mdx bench on small specs: every number is there and positive, parts add up to the whole, what
# cannot be measured is named, Ctrl-C keeps what there is, no folder is written.
. "$2/tests/hostile/lib"
model m
head -2 "$source/examples/prompts/val.jsonl" >p.jsonl
cat >s.mdx <<'X'
experiment costs
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text", chat: true)
sweep alpha in [0.5, 1]
sweep layer in [1, 2, 3]
hook h = layers[layer].resid_post @ end
patch w = h <- it * alpha
run r = m on p with w
run clean = m on p
metric e = mean(kl(r, clean))
report table(layer, alpha, e)
X
say() { echo "$1"; failed=$((failed + 1)); }
# bench WHAT STATUS ARGUMENTS...: runs mdx bench into out.txt.
bench() {
    what=$1 want=$2
    shift 2
    count=$((count + 1))
    timeout 200 "$mdx" bench "$@" >out.txt 2>err.txt
    status=$?
    [ $status -eq "$want" ] || { say "$what: exit status $status"; head -5 err.txt; }
    grep -q 'Sanitizer\|runtime error' err.txt && { say "$what: a sanitizer complains"; head -20 err.txt; }
}
has() { grep -qF -- "$1" out.txt || { say "$what: no: $1"; head -40 out.txt; }; }

# As many brackets are closed as opened, in this order; no bare word but null, true, false; every line but the last of
# an object ends with a comma.
is_json() {
    awk '{ gsub(/"([^"\\]|\\.)*"/, "S"); text = text $0 }
        END {
            gsub(/[ \n]/, "", text)
            gsub(/-?[0-9][0-9.]*([eE][-+]?[0-9]+)?|null|true|false/, "S", text)
            while (gsub(/\[(S(,S)*)?\]|\{(S:S(,S:S)*)?\}/, "S", text));
            exit text != "S"
        }' out.txt || { say "$what: no JSON"; cat out.txt; }
}

bench "the JSON" 0 s.mdx --repeat=2 --json
is_json
for key in floor experiment plain patched rerun rerun_floor slice batch share axes prune all plan cold warm; do
    has "    \"$key\": {\"seconds\": "
done
for key in products attention kernels logits fits rest; do has "    \"$key\": {\"seconds\": "; done
for key in device points complete load plan runs kinds without start costs; do has "  \"$key\": "; done
has '"points": 6,'
has '"complete": true'
[ "$(grep -c '"runs": 2,' out.txt)" -eq 15 ] || say "the JSON: not every row has 2 runs"
grep -q '"seconds": \(-\|0,\|null\)' out.txt && grep '"seconds": \(-\|0,\|null\)' out.txt | grep -v '"\(fits\|rest\)"' && say "the JSON: a time that is not positive"
# What the patches cost is a difference, here of two times that are nearly the same.
sed 's/"intervention": -//' out.txt | grep -q '": -' && say "the JSON: a negative number"
awk -F'"share": ' '/"share": / { split($2, part, "}"); sum += part[1] } END { exit !(sum > 0.999 && sum < 1.001) }' out.txt ||
    say "the JSON: the kinds are not the whole"
[ ! -e out ] || say "bench wrote a folder"

bench "the table" 0 s.mdx --repeat=1
has "x its products"
has "for r"
has "a point, 6 of alpha"

# The products are those of the plan: widths and rows as it is printed.
printf 'model m = hf("m")\nprompts p = jsonl("p.jsonl", text: "text")\nrun r = m on p\nmetric e = mean(entropy(r))\nreport table(e)\n' >plain.mdx
"$mdx" emit --as=plan plain.mdx >plan.txt
bench "nothing to sweep or patch" 0 plain.mdx --repeat=1
has "no run has a patch"
has "the spec has no sweep of numbers"
bench "products" 0 plain.mdx --repeat=1 --json
is_json
awk 'FILENAME == "plan.txt" && match($0, / : f(32|64) \[[0-9]+, [0-9]+\]/) {
        split(substr($0, RSTART, RLENGTH), shape, /[][, ]+/) # "", ":", "f32", rows, width
        match($0, /v[0-9]+/)
        wide[substr($0, RSTART, RLENGTH)] = shape[5]
        if (!match($0, /= linear\(v[0-9]+(\.[0-9]+\+[0-9]+)?/)) next
        x = substr($0, RSTART + 9, RLENGTH - 9) # v12, or columns of it: v12.64+32
        if (split(x, columns, "+") == 2) wide[x] = columns[2]
        products++
        flops += 2 * shape[4] * wide[x] * shape[5]
    }
    FILENAME == "plan.txt" && /logits of [0-9]+ rows over/ { sub(/.*logits of /, ""); rows = $1; vocab = $4 }
    FILENAME == "plan.txt" && /s[0-9]+ = v[0-9]+.* x / { match($0, /v[0-9]+/); products++; flops += 2 * rows * wide[substr($0, RSTART, RLENGTH)] * vocab }
    FILENAME == "out.txt" && /"product_gflop"/ { sub(/.*"product_gflop": /, ""); said = $0 + 0 }
    END { exit !(products > 20 && said > 0.9999999e-9 * flops && said < 1.0000001e-9 * flops) }' plan.txt out.txt ||
    { say "the products are not those of the plan"; grep product out.txt; }

# What cannot be measured is said.
bench "ref" 0 plain.mdx --repeat=1 --device=ref
has "the device multiplies no bare products"
bench "ref, JSON" 0 plain.mdx --repeat=1 --device=ref --json
is_json
has '"floor": {"seconds": null, "why": "the device multiplies no bare products'
bench "no time" 0 s.mdx --longest=0
has "estimated from 1 of 6 points"
has "not warmed up"
bench "off already" 0 s.mdx --repeat=1 --disable=slice --cache=off
has "it is off already"
has "the cache is off"
printf 'mapper M = mean() from m.h to m.h on p\nreport states(r.h)\n' >>s.mdx
bench "states and maps" 0 s.mdx --repeat=2

# Ctrl-C: what there is, and 130.
count=$((count + 1)) what="an interrupt"
setsid "$mdx" bench s.mdx --repeat=1000 --json >out.txt 2>err.txt &
pid=$!
sleep 2
kill -INT $pid
wait $pid
status=$?
[ $status -eq 130 ] || { say "an interrupt: exit status $status"; head -5 err.txt; }
is_json
has '"complete": false'

printf 'model m = hf("m")\n' >none.mdx
refuse "no such spec" "cannot open" "$mdx" bench nothing.mdx
refuse "nothing reported" "the spec reports nothing" "$mdx" bench none.mdx
refuse "no number of runs" "--repeat is 'x'" "$mdx" bench s.mdx --repeat=x
refuse "no number of seconds" "--longest is '-1'" "$mdx" bench s.mdx --longest=-1
rm m/model.safetensors
refuse "no weights" "model.safetensors" "$mdx" bench s.mdx
finish 15
