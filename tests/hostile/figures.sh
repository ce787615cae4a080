#!/bin/sh
# figures.sh BUILD SOURCE: figures are drawn, nothing of a spec becomes gnuplot's code, and results do not need gnuplot.
. "$2/tests/hostile/lib"
say() { echo "$1"; failed=$((failed + 1)); }
check() { count=$((count + 1)); "$@" || say "not so: $*"; }
has() { grep -qF -- "$2" "$1"; }
lacks() { ! grep -qF -- "$2" "$1"; }

model m
head -4 "$source/examples/prompts/val.jsonl" >p.jsonl
cat >s.mdx <<'X'
experiment drawn
model m = hf("m")
prompts p = jsonl("p.jsonl", text: "text", chat: true)
sweep alpha in [0, 0.5, 1, 2]
sweep layer in 0..1
sweep text in ["`touch pwned1`", "'; system('touch pwned2'); '", "\" . system(\"touch pwned3\") . \"", "$(touch pwned4) @alpha \\", "%s%n%999999999d", "a\nset output 'pwned5'\n!touch pwned6\n", "{/Symbol a}_b^c <script>alert(1)</script> & é", "'''`touch pwned7`''", "long long long long long long long long long long long long"]
hook h = layers[layer].resid_post @ end
patch w = h <- it * alpha
run clean = m on p
run r = m on p with w
metric e = mean(kl(r, clean))
metric e_lo = min(kl(r, clean))
metric e_hi = max(kl(r, clean))
metric gap = e / (alpha - 0.5)
metric said = mean(logp(clean, text)) * alpha
metric huge = 1e308 * alpha - 1e308
metric never = alpha / (alpha - alpha)
report table(alpha, layer, e)
report plot(e, over: alpha, by: layer)
report plot(gap, e, over: alpha, by: layer, as: "gap")
report plot(said, over: alpha, by: text, as: "key")
report plot(said, over: text, by: alpha, as: "tics")
report plot(huge, over: alpha, as: "huge")
report plot(never, over: alpha, as: "never")
report heat(said, alpha, text)
X
figures="plot gap key tics huge heat"
pwned() { [ -z "$(find . -name 'pwned*')" ]; }

# Without gnuplot: a warning that says how to get it, and all else.
mkdir none
PATH=$PWD/none "$mdx" run s.mdx --out without >out.txt 2>err.txt
check [ $? -eq 0 ]
check has err.txt "warning: figure 'plot' is not drawn: gnuplot is not installed; install it (apt-get install gnuplot-nox)"
check has err.txt "figure 'never' is not drawn: it has no defined point"
check has "$(echo without/drawn-*/results.json)" '"complete": true'
check has "$(echo without/drawn-*/report.html)" 'not drawn: gnuplot is not installed'
for name in $figures; do
    check [ -s without/drawn-*/figures/$name.gp ]
    check [ -s without/drawn-*/figures/$name.dat ]
done
check [ ! -e without/drawn-*/figures/plot.svg ]

# Data: gaps, bounds, nothing of a name but in comments.
gap=$(echo without/drawn-*/figures/gap.dat)
check grep -qx '0.5 NaN NaN NaN' "$gap"
check grep -qE '^2 [0-9.]+ [0-9.]+ [0-9.]+$' "$gap"
check grep -q 'index 0 using 1:3:4 with filledcurves' without/drawn-*/figures/plot.gp
check grep -qE '^1 0 ' "$(echo without/drawn-*/figures/huge.dat)"
check [ "$(grep -cvE '^(#.*|[-0-9.e+]+( (NaN|[-0-9.e+]+))*|)$' without/drawn-*/figures/*.dat | grep -cv ':0$')" -eq 0 ]
# Between two quotes of a script there is no quote, backquote, backslash or line's end.
check [ "$(sed -E "s/'[^'\`\\]*'//g" without/drawn-*/figures/*.gp | grep -c "['\`]\|pwned\|system\|script")" -eq 0 ]

# A gnuplot that fails, and one that says nothing.
mkdir bad
printf '#!/bin/sh\necho >&2\necho "line 3: it is broken" >&2\nexit 1\n' >bad/gnuplot && chmod +x bad/gnuplot
PATH=$PWD/bad:$PATH "$mdx" run s.mdx --out bad-out >out.txt 2>err.txt
check [ $? -eq 0 ]
check has err.txt "figure 'plot' is not drawn: line 3: it is broken"
printf '#!/bin/sh\nkill -9 $$\n' >bad/gnuplot
PATH=$PWD/bad:$PATH "$mdx" run s.mdx --out bad-out >out.txt 2>err.txt
check [ $? -eq 0 ]
check has err.txt "figure 'plot' is not drawn: gnuplot failed"

if command -v gnuplot >/dev/null; then
    "$mdx" run s.mdx >out.txt 2>err.txt
    check [ $? -eq 0 ]
    check [ "$(grep -c 'is not drawn' err.txt)" -eq 1 ] # never
    folder=$(echo out/drawn-*)
    cp -r "$folder/figures" first
    "$mdx" run s.mdx >out.txt 2>&1
    check diff -r first "$folder/figures"
    for name in $figures; do
        check [ -s "$folder/figures/$name.png" ]
        command -v xmllint >/dev/null && check xmllint --nonet --noout "$folder/figures/$name.svg"
        check lacks "$folder/figures/$name.svg" '<script'
    done
    for text in '’touch pwned1’' '%s%n%999999999d' '{/Symbol a}_b^c &lt;scrip…' '$(touch pwned4) @alph…'; do
        check has "$folder/figures/key.svg" "$text"
        check has "$folder/figures/heat.svg" "$text"
    done
    check has "$folder/figures/tics.svg" '%s%n%999999999…'
    check [ "$(grep -o 'src="data:image/svg+xml;base64,' "$folder/report.html" | wc -l)" -eq 6 ]
    grep -o 'base64,[^"]*' "$folder/report.html" | head -1 | cut -c8- | base64 -d >inside.svg
    check cmp inside.svg "$folder/figures/plot.svg"
    rm "$folder/figures/plot.svg"
    (cd "$folder/figures" && gnuplot plot.gp 2>/dev/null)
    check cmp inside.svg "$folder/figures/plot.svg"
else
    echo "gnuplot is not installed: nothing is drawn"
fi
check pwned
finish 30
