#!/bin/sh
# embed.sh BUILD SOURCE: examples/embed.c runs a spec through the public interface alone.
out=$("$1/embed" "$2/examples/transport.mdx" kl_mapped val.limit=1 2>&1) || { echo "$out"; exit 1; }
[ "$(echo "$out" | grep -c '^kl_mapped\[[0-3]\] = [0-9.]*$')" -eq 4 ] || { echo "$out"; exit 1; }
# What the library shows is the public header, no more.
shown=$(nm -D --defined-only "$1/libmdx.so" | awk '$2 == "T" {print $3}' | sort)
declared=$(sed -n 's/^MDX_API.*[ *]\(mdx_[a-z_]*\)(.*/\1/p' "$2/include/mdx/mdx.h" | sort)
[ "$shown" = "$declared" ] || { echo "shown: $shown"; echo "declared: $declared"; exit 1; }
