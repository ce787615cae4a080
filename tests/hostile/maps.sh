#!/bin/sh
# maps.sh BUILD SOURCE: states that nothing can be fitted on are refused in words, and what a fit says of itself is kept.
. "$2/tests/hostile/lib"
model m
spec() { # spec STATEMENTS…: on ten prompts
    cat >s.mdx <<'X'
experiment maps
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text")
prompts few = jsonl("p.jsonl", text: "text", limit: 4)
prompts one = jsonl("p.jsonl", text: "text", limit: 1)
prompts nine = jsonl("p.jsonl", text: "text", limit: 9)
hook h = layers[0].resid_post @ end
hook g = layers[1].resid_post @ end
X
    printf '%s\n' "$@" >>s.mdx
    echo 'report states(M(m.h), on: p)' >>s.mdx
}
say() { echo "$1"; failed=$((failed + 1)); }
head -10 "$source/examples/prompts/train.jsonl" >p.jsonl

spec 'mapper M = ridge() from m.h to m.g on few'
refuse "too few prompts to choose by" "there must be 5: few has 4" "$mdx" run s.mdx --write off
spec 'mapper M = ridge() from m.h to m.g on nine'
refuse "one row to choose by" "1 row that does not vary" "$mdx" run s.mdx --write off
spec 'mapper M = ridge(1) from m.h to m.g on one'
refuse "one row" "a map needs at least 2 rows to be fitted on, there is 1" "$mdx" run s.mdx --write off
spec 'mapper M = ridge(1) from 0 * m.h to m.g on p'
refuse "a constant source" "no dimension varies in both the source and the target" "$mdx" run s.mdx --write off
spec 'mapper M = ridge(1, standardize: false) from 0 * m.h to m.g on p'
refuse "a constant source, as it is" "the source's states are the same for every prompt" "$mdx" run s.mdx --write off
spec 'mapper M = ridge(1) from 1e30 * 1e30 * m.h to m.g on p'
refuse "infinite states" "the states to fit on are not finite" "$mdx" run s.mdx --write off
spec 'mapper M = moments() from 0 * m.h to m.g on p'
refuse "moments of a constant" "the source's states are the same for every prompt" "$mdx" run s.mdx --write off
spec 'mapper N = ridge(1) from m.layers[0].resid_post @ all to m.layers[1].resid_post @ all on p' 'mapper M = shuffled(N)'
refuse "shuffled prompts of other lengths" "shuffled prompts need as many tokens each" "$mdx" run s.mdx --write off
spec 'mapper N = ridge(1) from m.h to m.g on one' 'mapper M = shuffled(N)'
refuse "one prompt, shuffled" "one prompt cannot be shuffled" "$mdx" run s.mdx --write off
spec 'mapper M = procrustes(whiten: true, floor: 0, complete: identity) from m.h to m.g on p'
refuse "nothing that whitens the rest" "nothing whitens the others: give shrink or floor above 0" "$mdx" run s.mdx --write off
spec 'mapper M = ridge(1) in pca(10) from m.h to m.g on p'
refuse "more directions than the rows span" "10 rows span fewer than 10 directions" "$mdx" run s.mdx --write off
spec 'mapper M = ridge(1) in pca(3) from 0 * m.h to m.g on p'
refuse "directions of a constant" "10 rows span fewer than 3 directions" "$mdx" run s.mdx --write off
printf '' >x.safetensors
spec 'mapper N = from_file("x.safetensors")' 'mapper M = moments() from N(m.h) to m.g on p'
refuse "a file that is no map" "a safetensors file has at least 8" "$mdx" run s.mdx --write off

# What a fit chose stands in results.json and beside the map.
count=$((count + 1))
spec 'mapper M = ridge([1, 100]) from m.h to m.g on p'
"$mdx" run s.mdx >/dev/null 2>&1 || say "a ridge regression on ten prompts fails"
folder=$(ls -d out/maps-*)
grep -q '"source": {"rank": 9, "condition": [0-9.]*}, "target": {"rank": 9, "condition": [0-9.]*}, "kept": \[[0-9]*, [0-9]*\], "lambda": [0-9]*, "scores": \[{"lambda": 1, "r2": [-0-9.]*}, {"lambda": 100, "r2": [-0-9.]*}\]' "$folder/results.json" || say "results.json lacks the scores"
head -c 2000 "$folder/maps/M.safetensors" | grep -aq '"scores":"\[{\\"lambda\\": 1, \\"r2\\"' || say "the map lacks its scores"

# The manifest names every seed, and the same seed gives the same bytes.
count=$((count + 1))
rm -rf out
spec 'mapper M = ridge(1) from m.h to m.g on p' 'mapper S = shuffled(M, 3)' 'mapper R = random_rotation(4) from m.h to m.g on p' 'report states(S(R(m.h)), on: p)'
"$mdx" run s.mdx >/dev/null 2>&1 || say "a shuffled map fails"
grep -A2 '"seeds"' out/maps-*/manifest.json | tr -d '\n' | grep -q '{"map": "S", "use": "shuffled", "seed": 3},    {"map": "R", "use": "random_rotation", "seed": 4}\]' ||
    say "the manifest lacks a seed"
cp -r out/maps-*/maps first
"$mdx" run s.mdx --micro-batches 3 >/dev/null 2>&1
diff -r first out/maps-*/maps || say "the same seed gives another map"

# So does what it says of itself when it is fitted inside a subspace and put into place after.
count=$((count + 1))
rm -rf out
spec 'mapper M = procrustes(scale: true) in pca(3, outside: keep) from m.h to m.g on p'
"$mdx" run s.mdx >/dev/null 2>&1 || say "a map inside a subspace fails"
grep -q '"inside": "pca(3, basis: each, outside: keep)", "in": 128, "out": 128, "rows": 10, "rank": 3, "scale": [0-9.]*, "source": {"rank": 3' out/maps-*/results.json ||
    say "results.json does not say what was fitted inside the subspace"

# Fewer rows than dimensions: a warning says what becomes of the rest.
for rest in 'zero:none' 'as near to the identity as can be:identity'; do
    count=$((count + 1))
    spec "mapper M = procrustes(complete: ${rest#*:}) from m.h to m.g on p"
    "$mdx" run s.mdx --write off 2>&1 | grep -q "M: 9 free rows for 128 dimensions: the map is ${rest%:*} on the rest" || say "no warning: ${rest%:*}"
done
finish 18
