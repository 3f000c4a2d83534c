#!/usr/bin/env bash
# What only a GPU shows, on one machine with at least one: prints a table, exits with 1 where a row fails.
# Its models are made here, without a network. Exits with 2 where no GPU is seen.
#
#   tests/gpu/check.sh                       every check, on the GPU
#   tests/gpu/check.sh --only training       one of them
#   tests/gpu/check.sh --device cpu          a dry run on a tiny model: what a CPU can run of it
#   tests/gpu/check.sh --json rows.json      the rows as JSON too
set -euo pipefail
cd "$(dirname "$0")/../.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
exec "$python" -m tests.gpu "$@"
