#!/bin/sh
# maps.sh BUILD SOURCE: states that nothing can be fitted on are refused in words, and what a fit says of itself is kept.
. "$2/tests/hostile/lib"
model m
spec() { # spec STATEMENTS…: on ten prompts
    cat >s.mdx <<'X'
experiment maps
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text")
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

spec 'mapper M = ridge() from m.h to m.g on nine'
refuse "one row to choose by" "1 row that does not vary" "$mdx" run s.mdx --write off
spec 'mapper M = ridge(1) from 1e30 * 1e30 * m.h to m.g on p'
refuse "infinite states" "the states to fit on are not finite" "$mdx" run s.mdx --write off
spec 'mapper M = moments() from 0 * m.h to m.g on p'
refuse "moments of a constant" "the source's states are the same for every prompt" "$mdx" run s.mdx --write off
spec 'mapper N = ridge(1) from m.layers[0].resid_post @ all to m.layers[1].resid_post @ all on p' 'mapper M = shuffled(N)'
refuse "shuffled prompts of other lengths" "shuffled prompts need as many tokens each" "$mdx" run s.mdx --write off
spec 'mapper N = ridge(1) from m.layers[0].resid_post @ all to m.layers[1].resid_post @ all on p' 'mapper M = resampled(N)'
refuse "resampled prompts of other lengths" "resampled prompts need as many tokens each" "$mdx" run s.mdx --write off
spec 'mapper N = ridge(1) from m.h to m.g on one' 'mapper M = shuffled(N)'
refuse "one prompt, shuffled" "one prompt cannot be shuffled" "$mdx" run s.mdx --write off
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

# Maps of clusters: what is kept can be read again, and gives the same states.
count=$((count + 1))
rm -rf out first
spec 'mapper M = ridge(10) from m.h to m.g on p per kmeans(2, seed: 1)'
"$mdx" run s.mdx >/dev/null 2>&1 || say "a map per cluster fails"
mv out/maps-* first
grep -q '"per": "kmeans(2, seed: 1)", "rows": 10, "clusters": \[{"rows": [1-9],.*}, {"rows": [1-9],' first/results.json || say "results.json lacks the clusters' rows"
grep -q '{"map": "M", "use": "kmeans", "seed": 1}' first/manifest.json || say "the manifest lacks the seed of k-means"
head -c 2000 first/maps/M.safetensors | grep -aq '"per":"kmeans(2, seed: 1)","rows_of_clusters":"[1-9], [1-9]"' || say "the map lacks its clusters"
spec 'mapper M = from_file("first/maps/M.safetensors")'
"$mdx" run s.mdx >/dev/null 2>&1 || say "a map per cluster is not read"
cmp -s first/states/*.safetensors out/maps-*/states/*.safetensors || say "a map per cluster that is read gives other states"
spec 'hook z = layers[0].mlp_act @ end' 'mapper N = from_file("first/maps/M.safetensors")' 'mapper M = ridge(1) from N(m.z) to m.g on p'
refuse "a map of another width" "N maps 128 values per token, this has" "$mdx" run s.mdx --write off

# Every device makes the same bits of the same states: those of an embedding are the model's own.
count=$((count + 1))
spec 'mapper M = ridge([1, 10]) from m.embed @ content(6, skip: 1) to m.embed @ last(6) on p per kmeans(3, seed: 2)'
for device in ref cpu; do
    rm -rf out "$device"
    "$mdx" run s.mdx --device "$device" >/dev/null 2>err.txt || say "clusters of embeddings on $device: $(cat err.txt)"
    mv out/maps-* "$device"
done
diff -r ref/maps cpu/maps || say "ref and cpu make other maps of clusters"

# Files whose tensors are no map: NAME SHAPE… as safetensors of zeros.
tensors() {
    header= at=0 between=
    while [ $# -gt 0 ]; do
        size=4
        for n in $(echo "$2" | tr , ' '); do size=$((size * n)); done
        header="$header$between\"$1\":{\"dtype\":\"F32\",\"shape\":[$2],\"data_offsets\":[$at,$((at + size))]}"
        at=$((at + size)) between=,
        shift 2
    done
    header="{$header}"
    while [ $((${#header} % 8)) -ne 0 ]; do header="$header "; done
    { printf "\\$(printf %03o $((${#header} % 256)))\\$(printf %03o $((${#header} / 256)))\0\0\0\0\0\0%s" "$header"; head -c $at /dev/zero; } >x.safetensors
}
spec 'mapper M = from_file("x.safetensors")'
tensors W 2,128,128 b 2,128
refuse "clusters without centroids" "W is F32 [2, 128, 128] and b is F32 [2, 128], expected [in, out] and [out]" "$mdx" run s.mdx --write off
tensors W 2,128,128 b 2,128 centroids 3,128
refuse "other centroids" "expected [clusters, in, out], [clusters, in] and [clusters, out]" "$mdx" run s.mdx --write off
tensors W 2,128,64 b 2,64 centroids 2,64
refuse "centroids of another width" "centroids are F32 [2, 64]" "$mdx" run s.mdx --write off
tensors W 65,1,1 b 65,1 centroids 65,1
refuse "too many clusters" "this map has 65 clusters, expected 1 to 64" "$mdx" run s.mdx --write off
tensors W 2,128,128 b 2,128 centroids 2,128
count=$((count + 1))
"$mdx" run s.mdx --write off >/dev/null 2>&1 || say "a file of two maps is refused"

# Fewer rows than dimensions: a warning says what becomes of the rest.
for rest in 'zero:none' 'as near to the identity as can be:identity'; do
    count=$((count + 1))
    spec "mapper M = procrustes(complete: ${rest#*:}) from m.h to m.g on p"
    "$mdx" run s.mdx --write off 2>&1 | grep -q "M: 9 free rows for 128 dimensions: the map is ${rest%:*} on the rest" || say "no warning: ${rest%:*}"
done
finish 20
