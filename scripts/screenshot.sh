#!/usr/bin/env bash
# Draw the top of a run's HTML report as docs/images/report.png: 1280 px wide, light colours, no network.
#
#   scripts/screenshot.sh [RUN_DIRECTORY] [PICTURE]        the latest run under runs/ by default
set -euo pipefail
cd "$(dirname "$0")/.."

run=${1:-$(find runs -mindepth 1 -maxdepth 1 -type d | sort | tail -n 1)}
picture=${2:-docs/images/report.png}
report=$run/report/report.html
if [ ! -f "$report" ]; then
    echo "there is no $report: make a run first, for example with make quickstart" >&2
    exit 2
fi
for browser in chromium chromium-browser google-chrome; do
    command -v "$browser" >/dev/null && break
done
if ! command -v "$browser" >/dev/null; then
    echo "no Chromium found: install chromium" >&2
    exit 2
fi

profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
flags=(--headless --disable-gpu --hide-scrollbars --no-first-run --user-data-dir="$profile")
# Nothing of the report comes from elsewhere, and the picture shows that: no name can be resolved.
flags+=("--host-resolver-rules=MAP * ~NOTFOUND" --blink-settings=preferredColorScheme=1)
if [ "$(id -u)" -eq 0 ]; then
    flags+=(--no-sandbox) # Chromium refuses its sandbox to root
fi
"$browser" "${flags[@]}" --window-size=1280,1190 --screenshot="$profile/report.png" \
    "file://$(realpath "$report")" 2>/dev/null
mv "$profile/report.png" "$picture"
echo "$picture: $(wc -c <"$picture") bytes"
