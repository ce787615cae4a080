#!/bin/sh
# tidy.sh BUILD SOURCE: clang-tidy's short list over our own C, clang-format's opinion of it.
tidy=$(command -v clang-tidy || ls /usr/bin/clang-tidy-* 2>/dev/null | tail -1)
[ -n "$tidy" ] || { echo "skipped: no clang-tidy"; exit 77; }
cd "$2" || exit 1
ls base/*.c compiler/*.c compiler/arch/*.c runtime/*.c runtime/*/*.c api/*.c tools/*.c 2>/dev/null |
    xargs -P "$(nproc)" -n 6 "$tidy" --quiet -p "$1" 2>&1 | grep -E 'warning:|error:' | sort -u >"$1/tidy.txt"
cat "$1/tidy.txt"
[ ! -s "$1/tidy.txt" ]
