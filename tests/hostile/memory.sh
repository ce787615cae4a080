#!/bin/sh
# memory.sh BUILD SOURCE: a run keeps to the memory that it is given, with the same bits; too little is an error that
# says what would do.
. "$2/tests/hostile/lib"
say() { echo "$1"; failed=$((failed + 1)); }
spec=$source/examples/transport.mdx
for device in ref cpu; do
    options="$spec --set train.limit=120 --set val.limit=30 --out=$device --device=$device --threads=2"
    [ $device = ref ] && options="$spec --set train.limit=12 --set val.limit=6 --out=ref --device=ref"
    "$mdx" run $options >whole.txt 2>err.txt || say "$device: $(cat err.txt)"
    whole=$(sed -n 's/.*"arena_bytes": \([0-9]*\).*/\1/p' $device/*/manifest.json)
    # What the program needs beside the plan differs from machine to machine: the error says what would just do.
    refuse "too little memory for $device" "give --memory=" "$mdx" run $options --memory=2MB
    least=$(sed -n 's/.*give --memory=\([0-9]*\)MiB.*/\1/p' err.txt)
    size=$((least + 1 + whole / 3 / 1048576))
    "$mdx" run $options --memory=${size}MiB >cut.txt 2>err.txt || say "$device: $(cat err.txt)"
    parts=$(sed -n 's/.*"micro_batches": \([0-9]*\).*/\1/p' $device/*/manifest.json)
    arena=$(sed -n 's/.*"arena_bytes": \([0-9]*\).*/\1/p' $device/*/manifest.json)
    count=$((count + 2))
    [ "$parts" -gt 1 ] || say "$device: --memory=${size}MiB cuts nothing: $(cat err.txt)"
    [ "$arena" -lt "$whole" ] || say "$device: $arena bytes in $parts parts, $whole in one"
    cmp -s whole.txt cut.txt || say "$device: $parts micro-batches change the table"
done
refuse "no size" "--memory is 'lots', expected a size such as 2GiB or 500MB" "$mdx" run "$spec" --memory=lots
refuse "a negative size" "expected a size" "$mdx" run "$spec" --memory=-1
refuse "a size of nothing" "expected a size" "$mdx" run "$spec" --memory=0
finish 9
