#!/bin/sh
# report.sh BUILD SOURCE: report.html is well-formed whatever the spec holds, none of it becomes markup, and a browser
# has nothing to fetch.
. "$2/tests/hostile/lib"
say() { echo "$1"; failed=$((failed + 1)); }

# strict FILE: an XML parser accepts it.
strict() {
    if command -v xmllint >/dev/null; then
        xmllint --nonet --noout "$1"
    elif command -v python3 >/dev/null; then
        python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$1"
    else
        echo "no XML parser: install libxml2-utils"
    fi
}

# self_contained FILE: no scripts, no links, no pictures but those inside. Text is escaped, so each < begins a tag.
self_contained() {
    grep -Eo '<[^>]*>' "$1" >tags.txt
    grep -Eiq '^<(script|link|iframe|object|embed|base|a|form)[ />]|href|[ "]on[a-z]+=|(srcset|poster|action|data)=' tags.txt && return 1
    grep -Eo 'src="[^"]{0,10}' tags.txt | grep -qv '^src="data:image' && return 1
    ! grep -Eiq '@import|url\(' "$1"
}

page() {
    count=$((count + 1))
    strict "$1" || say "$1 is not well-formed"
    self_contained "$1" || say "$1 holds markup of the spec, or something to fetch"
}

model m
bad='p"><img src=x onerror=alert(1)>&amp;.jsonl'
head -3 "$source/examples/prompts/val.jsonl" >"$bad"
cat >'s<b>&.mdx' <<'X'
# <script>alert(1)</script> ]]> <!-- -- &undefined; "quoted" 'quoted' <a href="https://example.org/">
model m = hf("m")
prompts p = jsonl("p\"><img src=x onerror=alert(1)>&amp;.jsonl", text: "text", chat: true)
sweep t in ["<script>alert(2)</script>", "</td></table>", " & \" ' ]]>", "\n\t\\"]
sweep k in 0..1
run r = m on p
hook h = layers[0].resid_post @ end
mapper M = mean() from m.h to m.h on p
metric e = mean(logp(r, t)) / k
metric c = mean(cosine(M(m.h), m.h, on: p))
report table(t, k, e, c)
report table(c)
X
"$mdx" run 's<b>&.mdx' --set 'k=[0, 1.5]' >out.txt 2>err.txt || { cat err.txt; say "the run fails"; }
page out/*/report.html
for part in '&lt;script&gt;alert(2)&lt;/script&gt;' '<td class="n none">undefined</td>' 's&lt;b&gt;&amp;.mdx' 'k=[0, 1.5]' '&quot;&gt;&lt;img src=x'; do
    grep -qF -- "$part" out/*/report.html || say "the report lacks: $part"
done
hash=$(sha256sum "$bad" | cut -c1-64)
grep -q "title=\"$hash\">$(echo "$hash" | cut -c1-12)…<" out/*/report.html || say "the report lacks the hash of the prompts"

# A table longer than a page bears says where the rest is.
cat >long.mdx <<'X'
experiment long
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text", limit: 1)
sweep a in 1..1100
run r = m on p
metric e = mean(entropy(r)) * a
report table(a, e)
X
cp "$bad" p.jsonl
"$mdx" run long.mdx >out.txt 2>err.txt || { cat err.txt; say "the long run fails"; }
page out/long-*/report.html
grep -q 'the first 1000 of 1100 rows; results.csv has all' out/long-*/report.html || say "the report does not say that rows are left out"

# Intervals may stand below their values; verdicts are words.
cat >wide.mdx <<'X'
experiment wide
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text")
hook h = layers[2].resid_post @ end
mapper M = procrustes(shrink: 0.1, whiten: true) from m.h to m.h on p
metric c = bootstrap(mean(cosine(M(m.h), m.h, on: p)))
report table(c)
report controls(M, on: p, bogus: 1, early: 0, seeds: 1)
X
"$mdx" run wide.mdx >out.txt 2>err.txt || { cat err.txt; say "the wide run fails"; }
page out/wide-*/report.html
grep -Eq '<td class="n value" title="[^"]*"><span>[0-9.e-]*</span> <span>\[[^<]*\]</span></td>' out/wide-*/report.html || say "an interval is no piece of its own"
grep -q '<th>verdict</th>' out/wide-*/report.html || say "verdicts stand as numbers"
finish 2
