#!/bin/sh
# readme.sh BUILD SOURCE: README shows the example as it is, and what it really prints; examples are short.
cd "$2" || exit 1
block() { awk -v n="$1" '/^```/ { if (!inside) i++; inside = !inside; next } inside && i == n' README.md; }
block 1 | diff - examples/transport.mdx || { echo "README's spec is not examples/transport.mdx"; exit 1; }
"$1/mdx" run examples/transport.mdx --write off 2>/dev/null >/tmp/readme.$$
# Another processor or BLAS may round the sixth digit the other way.
block 2 | paste - /tmp/readme.$$ | awk '
    { for (i = 1; i <= NF / 2; i++) { a = $i; b = $(i + NF / 2); if (a != b && (a + 0 == 0 || (a / b - 1) ^ 2 > 1e-10)) { print a, b; wrong = 1 } } }
    END { exit wrong || NR != 5 }'
same=$?
rm -f /tmp/readme.$$
[ $same -eq 0 ] || { echo "README's table is not what the example prints"; exit 1; }
for example in examples/*.mdx; do
    [ "$example" = examples/smollm2.mdx ] || [ "$(grep -c '' "$example")" -le 25 ] || { echo "$example has more than 25 lines"; exit 1; }
done
[ "$(grep -c '' README.md)" -le 60 ] || { echo "README is longer than a screen"; exit 1; }
