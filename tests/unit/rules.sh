#!/bin/sh
# rules.sh BUILD SOURCE: rules about the source that a program can check.
cd "$2" || exit 1
failed=0
complain() { echo "$1"; failed=1; }

# The dependency rule: compiler/ and runtime/ include nothing of each other; base/ and include/ nothing of either.
for pair in "compiler runtime" "runtime compiler" "compiler api" "runtime api" "base compiler" "base runtime" "include compiler" "include runtime" "grammar runtime"; do
    from=${pair% *} to=${pair#* }
    hits=$(grep -rn "#include \"$to/" "$from") && complain "$from/ includes $to/: $hits"
done
# The command lives on the public header alone.
hits=$(grep -n '#include "' tools/mdx.c examples/embed.c | grep -v '"mdx/mdx.h"') && complain "not the public interface: $hits"

# Every header compiles alone, with the folders of the libraries.
libraries=$(grep -oh -- '-isystem [^ "]*' "$1/compile_commands.json" | sort -u)
for header in include/mdx/*.h compiler/*.h runtime/*.h runtime/*/*.h api/*.h; do
    echo "#include \"$header\"" | cc -std=c17 -D_XOPEN_SOURCE=700 -I. -Iinclude $libraries -fsyntax-only -x c - || complain "$header does not compile alone"
done

# Nothing is called utils, common, core or helpers; no file is longer than it should be.
hits=$(find . -path ./.git -prune -o \( -iname '*util*' -o -iname 'common*' -o -iname 'core*' -o -iname 'helper*' \) -print | grep -v '^./build') && complain "a name that says nothing: $hits"
for file in $(git ls-files '*.c' '*.h' '*.l' '*.y' 2>/dev/null); do
    [ "$(wc -l <"$file")" -le 700 ] || complain "$file has more than 700 lines"
done

# The documents name every pass, op, site, metric, mapper, reduction, position and option.
"$1/mdx" --passes | awk 'NF && !/^ /{print $1}' | while read -r pass; do grep -q "\`$pass\`" docs/architecture.md || echo "docs/architecture.md lacks pass $pass"; done | grep . && failed=1
for table in compiler/site.def compiler/metric.def compiler/interval.def compiler/choice.def compiler/mapper.def compiler/inside.def compiler/per.def compiler/subspace.def compiler/position.def compiler/report.def compiler/state.def include/mdx/reduction.def; do
    for row in $(sed -n 's/^MDX_[A-Z]*(\([a-z_0-9]*\),.*/\1/p' $table); do
        grep -q "\`[^\`]*\b$row\b" docs/language.md || complain "docs/language.md lacks $row of $table"
    done
done
for option in $("$1/mdx" --help | sed -n 's/^  --\([a-z-]*\).*/\1/p'); do
    grep -q -- "--$option" docs/language.md || complain "docs/language.md lacks --$option"
done
exit $failed
