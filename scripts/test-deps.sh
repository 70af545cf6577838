#!/usr/bin/env bash
# Get what tests use and the environment cannot hold, where that is possible without asking:
# a Chromium for the report, and further releases of the Llama Stack client, of which .venv holds one.
# What is missing afterwards is said, and the tests that need it are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

chromium() {
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" >/dev/null; then
            return
        fi
    done
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "no Chromium found: the browser tests will be skipped (install chromium to run them)" >&2
        return
    fi
    export DEBIAN_FRONTEND=noninteractive
    if ! (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1 </dev/null; then
        echo "chromium could not be installed: the browser tests will be skipped" >&2
    fi
}

# The client alone, beside .venv, whose other packages it uses: a test puts the folder first in PYTHONPATH.
# The releases ask for Python 3.12 and run on 3.11; pip is told to install them all the same.
llama_stack_client() {
    local folder=".venv-clients/llama-stack-client-$1"
    if [ -d "$folder" ] || [ ! -x .venv/bin/python ]; then
        return
    fi
    if .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
        --ignore-requires-python --target "$folder.part" "llama-stack-client==$1" >/dev/null 2>&1 </dev/null; then
        mv "$folder.part" "$folder"
    else
        rm -rf "$folder.part"
        echo "llama-stack-client $1 could not be installed: its tests will be skipped" >&2
    fi
}

chromium
llama_stack_client 0.3.5
llama_stack_client 0.7.5
