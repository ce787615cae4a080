#!/bin/sh
# golden.sh BUILD SOURCE: all golden cases (run.sh).
exec sh "$2/tests/golden/run.sh" "$@"
