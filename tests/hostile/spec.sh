#!/bin/sh
# spec.sh BUILD SOURCE: specs that no user means.
. "$2/tests/hostile/lib"
model m
echo '{"text": "x"}' >p.jsonl
spec

refuse "no such spec" "cannot open" "$mdx" check none.mdx
refuse "a folder" "is a folder" "$mdx" check m
printf 'model m = hf("m\0")\n' >nul.mdx
refuse "NUL byte" "a NUL byte in the text" "$mdx" check nul.mdx
printf 'model m = hf("\377")\n' >utf8.mdx
refuse "invalid UTF-8" "not valid UTF-8" "$mdx" check utf8.mdx
printf 'model m = hf("\355\240\200")\n' >surrogate.mdx
refuse "a surrogate" "not valid UTF-8" "$mdx" check surrogate.mdx

repeat() { awk -v n="$1" -v s="$2" 'BEGIN { for (i = 0; i < n; i++) printf "%s", s }'; }
{ printf 'metric m = '; repeat 10000 '('; printf 1; repeat 10000 ')'; } >parens.mdx
refuse "10,000 parentheses" "nested too deeply" "$mdx" check parens.mdx
{ printf 'metric m = '; repeat 10000 'mean('; } >calls.mdx
refuse "10,000 calls" "nested too deeply" "$mdx" check calls.mdx
{ printf 'metric m = '; repeat 10000 '['; } >lists.mdx
refuse "10,000 lists" "nested too deeply" "$mdx" check lists.mdx
{ printf 'metric m = '; repeat 10000 '-'; printf '1\n'; } >minus.mdx
refuse "10,000 minuses" "nested too deeply" "$mdx" check minus.mdx
{ cat s.mdx; printf 'metric deep = 1'; repeat 10000 '+1'; printf '\n'; } >sum.mdx
refuse "a sum of 10,000" "nested too deeply" "$mdx" check sum.mdx
{ cat s.mdx; printf 'hook h = m'; repeat 10000 '.a'; printf '\n'; } >members.mdx
refuse "10,000 members" "nested too deeply" "$mdx" check members.mdx
awk 'BEGIN { for (i = 0; i < 9000; i++) printf "metric a%d = a%d + 1\n", i, i + 1 }' >chain.mdx
echo 'metric a9000 = 1' >>chain.mdx
timeout 60 "$mdx" check chain.mdx >out.txt 2>err.txt
[ $? -eq 1 ] && grep -q "rests on too many definitions" err.txt || { echo "a chain of 9,000 metrics:"; head -5 err.txt; failed=$((failed + 1)); }
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "hook a%d = embed @ end\n", i }' >many.mdx
refuse "20,000 definitions" "a spec has at most 10000 definitions" "$mdx" check many.mdx
{ printf 'metric m = "'; head -c 104857600 /dev/zero | tr '\0' x; printf '"\n'; } >large.mdx
refuse "100 MB on one line" "at most 16777216 are accepted" "$mdx" check large.mdx
{ printf 'metric long = '; head -c 15000000 /dev/zero | tr '\0' x; printf '\n'; cat s.mdx; } >long.mdx
refuse "a name of 15 MB" "is not defined" "$mdx" check long.mdx
rm -f large.mdx long.mdx

printf 'include "b.mdx"\n' >a.mdx
printf 'include "c.mdx"\n' >b.mdx
printf 'include "a.mdx"\n' >c.mdx
refuse "includes in a ring" "includes itself" "$mdx" check a.mdx
for i in $(seq 40); do printf 'include "deep%d.mdx"\n' $((i + 1)) >"deep$i.mdx"; done
refuse "includes 40 deep" "more than 32 deep" "$mdx" check deep1.mdx
printf 'include "/dev/zero"\n' >device.mdx
refuse "an endless file" "no regular file" "$mdx" check device.mdx
mkfifo pipe && printf 'include "pipe"\n' >fifo.mdx
refuse "a pipe" "no regular file" "$mdx" check fifo.mdx

printf 'sweep a in 1..1e300\n' >>s.mdx
refuse "an endless sweep" "more than 100000 values" "$mdx" check s.mdx
spec
awk 'BEGIN { for (i = 0; i < 65; i++) printf "sweep a%d in [1, 2]\n", i }' >>s.mdx
refuse "65 sweeps" "at most 64 sweeps" "$mdx" check s.mdx
spec
awk 'BEGIN { for (i = 0; i < 5; i++) printf "sweep a%d in 0..99\n", i; print "hook h = layers[a0 * 0 + a1 * 0 + a2 * 0 + a3 * 0 + a4 * 0].z @ end\nmetric x = mean(cosine(m.h, m.h, on: p))\nreport table(x)" }' >>s.mdx
timeout 60 "$mdx" check s.mdx >out.txt 2>err.txt
[ $? -eq 1 ] && grep -q "more than 1048576 points" err.txt || { echo "ten billion points:"; head -5 err.txt; failed=$((failed + 1)); }
spec
refuse "--set of nothing" "this sets nothing" "$mdx" check s.mdx --set xyz
refuse "--set of an unknown name" "the spec defines no 'q'" "$mdx" check s.mdx --set q=1
refuse "--set that does not parse" "unexpected ')'" "$mdx" check s.mdx --set "r=)"
refuse "--set of an argument of no call" "is no call" "$mdx" check s.mdx --set "r.limit=3"
refuse "an unknown option" "there is no option 'nothing'" "$mdx" check s.mdx --nothing 3
refuse "an unknown device" "there is no device 'tpu'" "$mdx" run s.mdx --device tpu
refuse "an unknown pass" "there is no pass 'magic'" "$mdx" run s.mdx --disable magic
refuse "an unknown stage" "there is no stage 'asm'" "$mdx" emit s.mdx --as asm
refuse "results where a file stands" "p.jsonl: is no folder" "$mdx" run s.mdx --out p.jsonl
finish 29
