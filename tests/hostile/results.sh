#!/bin/sh
# results.sh BUILD SOURCE: results survive: kills leave the old folder or the new one, Ctrl-C keeps finished points,
# a second run gives the same bytes.
. "$2/tests/hostile/lib"
model m
head -2 "$source/examples/prompts/val.jsonl" >p.jsonl
cat >s.mdx <<'X'
experiment kept
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text", chat: true)
sweep alpha in 1..8
hook h = layers[1].resid_post @ end
mapper M = mean() from m.h to m.h on p
patch w = h <- it * alpha + M(it)
run r = m on p with w
run clean = m on p
metric e = mean(kl(r, clean))
report table(alpha, e)
report states(r.h)
X
say() { echo "$1"; failed=$((failed + 1)); }
count=$((count + 1))

# Same inputs, same bytes; only the times in the manifest and the report differ.
untimed() { sed -i '/"times"/d' "$1/manifest.json" "$1/report.html"; }
"$mdx" run s.mdx >a.txt 2>/dev/null || say "the run fails"
folder=$(ls -d out/kept-*)
cp -r "$folder" first
"$mdx" run s.mdx >b.txt 2>/dev/null
cmp -s a.txt b.txt || say "the table differs on the second run"
untimed first
rm -rf second && cp -r "$folder" second && untimed second
diff -r first second || say "the second run gives other bytes"
[ "$(ls out | wc -l)" -eq 1 ] || say "more than one folder: $(ls out)"
for file in results.json results.csv values.csv manifest.json report.html maps/M.safetensors states/states.safetensors; do
    [ -s "$folder/$file" ] || say "there is no $file"
done
grep -q '"complete": true' "$folder/results.json" || say "the results are not complete"
[ "$(wc -l <"$folder/results.csv")" -eq 9 ] && [ "$(wc -l <"$folder/values.csv")" -eq 17 ] || say "the CSV files have other rows"

# Another spec, another folder.
"$mdx" run s.mdx --set 'alpha=[3]' >/dev/null 2>&1
[ "$(ls out | wc -l)" -eq 2 ] || say "another spec wrote into the same folder"

# Killed at any moment: the folder is whole, what is beside it is only ever a part.
i=0
while [ $i -lt 25 ]; do
    "$mdx" run s.mdx >/dev/null 2>&1 &
    pid=$!
    sleep "0.$(printf %03d $((i * 37 % 1000)))"
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    rm -rf second && cp -r "$folder" second && untimed second
    diff -rq first second >/dev/null || { say "a kill left a broken folder"; break; }
    i=$((i + 1))
done
rm -rf out/*.part-*

# Ctrl-C: exit status 130, finished points are kept, the old whole results are not replaced. On ref without
# slicing, point by point, which is slow enough to be stopped.
awk 'BEGIN { for (i = 0; i < 30; i++) print "{\"id\": \"q" i "\", \"text\": \"Why is the sky blue and why is it not green in the evening, number " i "?\"}" }' >p.jsonl
interrupt() {
    setsid "$mdx" run s.mdx --device=ref --disable=slice --batch-points=1 >a.txt 2>err.txt &
    pid=$!
    sleep "$wait"
    kill -INT $pid
    wait $pid
    status=$?
}
wait=0.4
while :; do
    interrupt
    part=$(grep -l '"complete": false' out/kept-*/results.json)
    [ -n "$part" ] && grep -q 'stopped: [1-7] of 8 points' err.txt && break
    [ "$wait" = 0.4 ] && wait=1.2 && continue
    [ "$wait" = 1.2 ] && wait=3 && continue
    [ "$wait" = 3 ] && wait=8 && continue
    cat err.txt
    say "an interrupted run keeps nothing"
    break
done
[ $status -eq 130 ] || say "an interrupted run exits with $status"
rows=$(($(wc -l <"$(dirname "$part")/results.csv") - 1))
[ $rows -ge 1 ] && [ $rows -lt 8 ] || say "an interrupted run has $rows rows"
"$mdx" run s.mdx --device=ref --disable=slice --batch-points=1 >b.txt 2>/dev/null
grep -q '"complete": true' "$part" || say "a whole run does not replace an interrupted one"
head -$((rows + 1)) a.txt >a1.txt && head -$((rows + 1)) b.txt | cmp -s - a1.txt || { say "the kept points differ"; diff a1.txt b.txt; }
interrupt
grep -q '"complete": true' "$part" || say "an interrupted run replaces a whole one"
finish 1
