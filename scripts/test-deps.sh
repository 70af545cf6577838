#!/usr/bin/env bash
# Get the one system package that tests use, a Chromium for the report, where that is possible without asking.
# Without it the browser tests are skipped and say so.
set -euo pipefail

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "no Chromium found: the browser tests will be skipped (install chromium to run them)" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
if ! (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1 </dev/null; then
    echo "chromium could not be installed: the browser tests will be skipped" >&2
fi
