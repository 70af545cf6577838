#!/usr/bin/env bash
# Install the newest releases into a throw-away environment and write what came to constraints.txt.
# The build backend is part of it, at the version that pyproject.toml asks for.
set -euo pipefail
cd "$(dirname "$0")/.."

python="${1:-python3}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

"$python" -m venv "$work/venv"
backend="$(sed -n 's/^requires = \["\(hatchling==[^"]*\)"\]$/\1/p' pyproject.toml)"
"$work/venv/bin/pip" install --quiet "$backend" editables
"$work/venv/bin/pip" install --quiet --no-build-isolation --editable '.[local,dev]'
{
    sed -n '/^#/p' constraints.txt
    "$work/venv/bin/pip" freeze --exclude-editable
} >"$work/constraints.txt"
mv "$work/constraints.txt" constraints.txt
