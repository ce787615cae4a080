#!/bin/sh
# diff.sh BUILD SOURCE: mdx diff says what two folders have not in common, and refuses folders that are none.
. "$2/tests/hostile/lib"
say() { echo "$1"; failed=$((failed + 1)); }

model m
head -3 "$source/examples/prompts/val.jsonl" >p.jsonl
cat >a.mdx <<'X'
experiment two
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text", chat: true)
sweep alpha in [0, 1, 2]
hook h = layers[1].resid_post @ end
patch w = h <- it * alpha
run r = m on p with w
run clean = m on p
metric e = mean(kl(r, clean))
metric c = mean(kl(r, clean)) / alpha
report table(alpha, e, c)
X
sed 's/\[0, 1, 2\]/[1, 2, 3]/' a.mdx >b.mdx
"$mdx" run a.mdx --out a --device=ref >/dev/null 2>&1 && "$mdx" run b.mdx --out b --device=ref >/dev/null 2>&1 || say "the runs fail"
a=$(echo a/two-*) b=$(echo b/two-*)

# differ STATUS COMMAND...: what it prints is in out.txt.
differ() {
    want=$1
    shift
    "$mdx" diff "$@" >out.txt 2>err.txt
    status=$?
    count=$((count + 1))
    [ $status -eq "$want" ] && [ ! -s err.txt ] || { cat err.txt; say "mdx diff $*: exit status $status, expected $want"; }
}
has() { grep -qE -- "$1" out.txt || { cat out.txt; say "mdx diff does not say: $1"; }; }

differ 0 "$a" "$a"
has '^no difference: [0-9]+ inputs, 6 points of metrics, '
cp -r "$a" copy && sed -i 's/"seconds": [0-9.]*/"seconds": 77/' copy/manifest.json
differ 0 "$a" copy
differ 0 "$a" copy --json
has '"differ": false'
differ 3 "$a" "$b"
has '^    -4    sweep alpha in \[0, 1, 2\]$'
has '^    \+4    sweep alpha in \[1, 2, 3\]$'
has '^  spec: a.mdx [0-9a-f]{12} -> b.mdx [0-9a-f]{12}$'
has '^  e: 2 of 4 points differ; noise floor 0$'
has '^    alpha=0 .* -  +only in A$'
has '^    alpha=3  +-  .*only in B$'
has 'kl\(r, clean\) of e: 6 of 12 values differ, 3 only in A, 3 only in B$'
differ 3 "$b" "$a" --json
has '"point": "alpha=0", "in": "b", "a": null'

# Numbers, the noise floor, undefined values, another device, a prompt's largest difference.
sed -i 's/"noise_floor": 0,/"noise_floor": 0.5,/; s/"alpha": 1, "value": [^}]*/"alpha": 1, "value": 0.25/; s/"alpha": 2, "value": [^}]*/"alpha": 2, "value": 100/' copy/results.json
sed -i 's/"device": "ref"/"device": "cuda\\u001b[31m"/' copy/manifest.json
sed -i '2s/[^,]*$/1000/' copy/values.csv
differ 3 "$a" copy
has '^    alpha=1  +0 +0.25 +\+0.25  within the noise floor$'
has '^    alpha=2  .* 100 .*[0-9]$'
has '^  device: ref -> cuda\?\[31m$'
has '^    the largest: alpha=0, prompt .* -> 1000 \(\+'
differ 3 copy "$a" --json
has '"within_noise": true'
python3 -c 'import json; json.load(open("out.txt"))' 2>/dev/null || ! command -v python3 >/dev/null || say "--json prints no JSON"

# Arguments.
refuse_plain() {
    "$mdx" "$@" >out.txt 2>err.txt
    status=$?
    count=$((count + 1))
    [ $status -eq 1 ] && [ "$(wc -l <err.txt)" -eq 1 ] || say "mdx $*: exit status $status: $(cat err.txt)"
}
refuse_plain diff
refuse_plain diff "$a"
refuse_plain diff "$a" "$b" "$a"
refuse "no such folder" "nothing: no such folder" "$mdx" diff "$a" nothing
refuse "a file" "a.mdx: no such folder" "$mdx" diff a.mdx "$a"

# Each file missing, empty, cut, of another type; members missing or of another type.
broken() {
    rm -rf broken && cp -r "$a" broken
}
for file in manifest.json results.json values.csv; do
    broken && rm broken/$file
    refuse "no $file" "broken/$file: cannot open" "$mdx" diff "$a" broken
    broken && : >broken/$file
    refuse "empty $file" "broken/$file" "$mdx" diff broken "$a"
    broken && rm broken/$file && mkdir broken/$file
    refuse "$file is a folder" "is a folder" "$mdx" diff "$a" broken
    broken && rm broken/$file && mkfifo broken/$file
    refuse "$file is a pipe" "no regular file" "$mdx" diff "$a" broken
    broken && printf '\377\376' >broken/$file
    refuse "$file is no text" "not valid UTF-8" "$mdx" diff "$a" broken
    broken && truncate -s 300M broken/$file
    refuse "$file is huge" "are accepted here" "$mdx" diff "$a" broken
done
for file in manifest.json results.json; do
    broken && head -c 200 "$a/$file" >broken/$file
    refuse "$file is cut" "not valid JSON" "$mdx" diff "$a" broken
    broken && echo '[1, 2]' >broken/$file
    refuse "$file is a list" "is a list, expected an object" "$mdx" diff "$a" broken
    broken && echo '{}' >broken/$file
    refuse "$file has nothing" "is missing, expected" "$mdx" diff "$a" broken
    broken && awk 'BEGIN { for (i = 0; i < 100000; i++) printf "["; }' >broken/$file
    refuse "$file is deep" "not valid JSON" "$mdx" diff "$a" broken
done
# member FILE SED EXPECTED
member() {
    broken && sed -i "$2" "broken/$1"
    cmp -s "$a/$1" "broken/$1" && say "sed '$2' changes nothing"
    refuse "$2" "$3" "$mdx" diff "$a" broken
}
member manifest.json 's/"device": "ref"/"device": 7/' "'device' is a number, expected a string"
member manifest.json 's/"spec": "/"spic": "/' "'spec' is missing, expected a string"
member manifest.json 's/"complete": true/"complete": "yes"/' "'complete' is a string, expected true or false"
member manifest.json '0,/"sha256"/s//"sha"/' "inputs[0]: 'sha256' is missing"
member manifest.json 's/"models": \[/"models": [3, /' "models[0] is a number, expected an object"
member manifest.json 's/"count": 3/"count": -3/' "'count' is -3"
member results.json 's/"metrics": \[/"metrics": [{}, /' "metrics[0]: 'name' is missing"
member results.json '0,/"alpha": 1, "value": /s//"alpha": 1, "value": true/;s/true[0-9.e-]*}/true}/' "'value' is true or false, expected a number"
member results.json '0,/"value": [0-9.e-]*/s//"value": 1e999/' "expected -1.79"
member results.json '0,/"alpha": 1, "value"/s//"alpha": [1], "value"/' "'alpha' is a list, expected a number or a string"
member results.json '0,/"alpha": 2, "value"/s//"alpha": 1, "value"/' "this point of 'e' stands there twice"
member results.json 's/"name": "c"/"name": "e"/' "metric 'e' stands there twice"
member results.json 's/"noise_floor": 0,/"noise_floor": -1,/' "'noise_floor' is -1"
member values.csv '1s/metric/matrix/' "the columns are not metric, expression"
member values.csv '3s/$/,1/' "values.csv:3: has 6 columns, expected 5"
member values.csv '4s/[^,]*$/many/' "values.csv:4: 'many' is no number"
member values.csv '4s/[^,]*$/nan/' "values.csv:4: 'nan' is no number"
member values.csv '5s/^/"/' "values.csv:5: "
member values.csv '$s/^.*$/"e/' "a quote is not closed"
broken && awk 'BEGIN { printf "metric,expression"; for (i = 0; i < 1000; i++) printf ",a"; print ",prompt,value" }' >broken/values.csv
refuse "many columns" "more than 80 columns" "$mdx" diff "$a" broken
broken && awk 'BEGIN { printf "{\"experiment\":\"e\",\"version\":\"v\",\"device\":\"d\",\"complete\":true,\"spec\":\"\",\"models\":[],\"prompts\":[],\"inputs\":[0"; for (i = 0; i < 5000; i++) printf ",0"; print "]}" }' >broken/manifest.json
refuse "many inputs" "5001 inputs, at most 2000 are accepted" "$mdx" diff "$a" broken
finish 50
