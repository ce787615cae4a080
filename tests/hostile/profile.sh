#!/bin/sh
# profile.sh BUILD SOURCE: mdx run --profile: the parts add up to the whole, what it measures is there, results are the
# same bytes as without it.
. "$2/tests/hostile/lib"
model m
head -3 "$source/examples/prompts/val.jsonl" >p.jsonl
cat >s.mdx <<'X'
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text", chat: true)
sweep alpha in [0.5, 1]
patch w = layers[2].resid_post @ end <- it * alpha
run r = m on p with w
run clean = m on p
metric e = mean(kl(r, clean))
report table(alpha, e)
report states(r.layers[4].resid_post @ all, as: "s")
X
say() { echo "$what: $1"; cat err.txt; failed=$((failed + 1)); }
# profiled WHAT OPTIONS...: runs the spec into the folder WHAT.
profiled() {
    what=$1
    shift
    count=$((count + 1))
    timeout 200 "$mdx" run s.mdx --out "$what" "$@" >out.txt 2>err.txt || say "it fails"
    grep -q 'Sanitizer\|runtime error' err.txt && say "a sanitizer complains"
}
# Milliseconds and share stand before the first "%".
adds_up() {
    awk '/%/ { for (i = 1; $i != "%"; i++); ms = $(i - 2); share = $(i - 1) }
        /the whole/ { whole = ms; all = share; next }
        /%/ { sum += ms; shares += share; lines++ }
        END { exit !(lines > 3 && whole > 0 && all == 100 && sum > 0.9 * whole && sum < 1.1 * whole && shares > 90 && shares < 110) }' err.txt ||
        say "the parts are not the whole"
}
has() { grep -q -- "$1" err.txt || say "no: $1"; }
same() {
    for file in results.json results.csv values.csv states/s.safetensors; do
        cmp plain-"$1"/*/$file "$what"/*/$file || say "another $file"
    done
}

for device in cpu ref; do
    profiled plain-$device --device=$device
    grep -q '^limits' err.txt && say "a profile that nobody asked for"
done
profiled cpu --profile
adds_up
same cpu
has '^ *[0-9]*  attention  '
has '^ *[0-9]*  product [0-9]* x 128 -> [0-9]*  '
has '^ *[0-9]*  kernel k[0-9]*, 128 columns  '
has '^ *[0-9]*  logits and their metrics  '
has '^limits: the products alone [0-9.e+]* TFLOP/s, a copy in memory [0-9.e+]* GB/s'
awk '/product [0-9]/ { if ($NF != "%" || $(NF - 1) <= 0 || $(NF - 3) == "-") exit 1 }' err.txt || say "a product without a rate or a share"
profiled unfused --disable=fuse,batch,slice --profile=on
adds_up
has '^ *[0-9]*  rope  '
profiled cut --profile --micro-batches=2 --json
adds_up
profiled ref --device=ref --profile
adds_up
same ref
has '^limits: the products alone not known, a copy in memory not known'
profiled nothing --device=null --profile --write=off
has 'the whole'
profiled off --profile=off
grep -q '^limits' err.txt && say "a profile when it is off"
finish 8
