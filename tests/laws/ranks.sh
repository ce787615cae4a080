#!/bin/sh
# ranks.sh BUILD SOURCE: a map is the same, bit for bit, when its ranks follow each other (they share what they rest on) and when
# fits of other maps stand between them.
mdx=$1/mdx examples=$2/examples
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
cat >s.mdx <<SPEC
experiment ranks
model base  = hf("$examples/models/steppe/base")
model tuned = hf("$examples/models/steppe/tuned")
prompts train = jsonl("$examples/prompts/train.jsonl", text: "text", chat: true, limit: 30)
prompts val   = jsonl("$examples/prompts/val.jsonl", text: "text", chat: true, limit: 6)
sweep layer in [2, 4]
sweep rank in [1, 4, full]
hook h = layers[layer].attn_out @ end
mapper A = procrustes(whiten: true, scale: true, shrink: 0.5, rank: rank) from base.h to tuned.h on train
mapper B = procrustes(whiten: true, scale: true, shrink: 0.05, rank: rank) from base.h to tuned.h on train
mapper C = shuffled(B)
mapper D = resampled(B)
mapper E = procrustes(whiten: true, shrink: 0.05, rank: rank) from base.h to tuned.h on train
mapper F = procrustes(whiten: true, shrink: 0.05, rank: rank, complete: identity) from base.h to tuned.h on train
mapper G = procrustes(rank: rank) from base.h to tuned.h on train
mapper H = procrustes(rank: rank) from tuned.h to base.h on train
metric a = r2(A(base.h), tuned.h, on: val)
metric b = r2(B(base.h), tuned.h, on: val)
metric c = r2(C(base.h), tuned.h, on: val)
metric d = r2(D(base.h), tuned.h, on: val)
metric e = r2(E(base.h), tuned.h, on: val)
metric f = r2(F(base.h), tuned.h, on: val)
metric g = r2(G(base.h), tuned.h, on: val)
metric i = r2(H(tuned.h), base.h, on: val)
SPEC
table() { # FOLDER COLUMNS: what is reported of them
    { cat s.mdx; echo "report table(layer, rank, $2)"; } >t.mdx
    "$mdx" run t.mdx --device=$device --out="$1" >/dev/null 2>err || { cat err; exit 1; }
    cat "$1"/ranks-*/results.csv
}
for device in cpu ref; do
    table all-$device "a, b, c, d, e, f, g, i" >all.csv
    [ "$(grep -c . all.csv)" = 7 ] || { echo "$device: not six points"; exit 1; }
    column=3
    for metric in a b c d e f g i; do
        table $device-$metric $metric >one.csv
        cut -d, -f1,2,$column all.csv | diff - one.csv || { echo "$device: $metric depends on the fits beside it"; exit 1; }
        column=$((column + 1))
    done
done
