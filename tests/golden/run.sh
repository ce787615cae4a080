#!/bin/sh
# run.sh BUILD SOURCE [--bless]: every case under tests/golden against the expectation beside it.
#
# The folder says what is run: error and warning: mdx check, its messages; explain: mdx explain; refused: mdx run, its messages; ast, exp, graph, plan: mdx emit. A case may
# begin with "# options: …". A case without an expectation is a failure; --bless writes expectations.
build=$(cd "$1" && pwd) golden=$(cd "$2/tests/golden" && pwd) bless=$3 failed=0 count=0
[ -x "$build/mdx" ] || { echo "$1 has no mdx"; exit 1; } # else --bless would write what it says of that
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
for case in "$golden"/*/*.mdx; do
    kind=$(basename "$(dirname "$case")") name=$(basename "$case" .mdx)
    case $name in nothing) continue ;; esac
    [ "$kind" = models ] && continue
    cd "$golden/$kind" || exit 1
    options=$(sed -n '1s/^# options: //p' "$name.mdx")
    case $kind in
    error | warning) ending=err && "$build/mdx" check "$name.mdx" $options >/dev/null 2>"$out" ;;
    refused) ending=err && "$build/mdx" run "$name.mdx" --write off $options >/dev/null 2>"$out" ;;
    explain) ending=$kind && "$build/mdx" explain "$name.mdx" $options >"$out" 2>&1 ;;
    *) ending=$kind && "$build/mdx" emit --as="$kind" "$name.mdx" $options >"$out" 2>&1 ;;
    esac
    status=$? want=0
    case $kind in error | refused) want=1 ;; esac
    [ -n "$bless" ] && cp "$out" "$name.$ending"
    count=$((count + 1))
    if [ $status -ne $want ]; then
        echo "$kind/$name: exit status $status, expected $want"
        failed=$((failed + 1))
    elif ! diff -u "$name.$ending" "$out"; then
        echo "$kind/$name: differs from $name.$ending"
        failed=$((failed + 1))
    fi
done
echo "$count cases, $failed failed"
[ $failed -eq 0 ] && [ $count -ge 50 ]
