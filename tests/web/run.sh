#!/usr/bin/env bash
# tests/web/run.sh WEB TERN: the page in a headless Chromium, against a server of the tests' own and against TERN (the
# program). WEB is the build's copy of web/ with the page built in dist/. Exit 77: something is missing, as it says.
set -euo pipefail
web=$(realpath -m "$1") tern=$(realpath -m "$2")
cd "$(dirname "$0")"

skip() { echo "skipped: $1"; exit 77; }
command -v node >/dev/null && command -v npm >/dev/null || skip "node and npm are missing, tools/setup installs them"
[ -e "$web/dist/index.html" ] || skip "this build has no page"
for name in chromium chromium-browser google-chrome; do
  if TERN_CHROMIUM=$(command -v $name); then break; fi
done
[ -n "$TERN_CHROMIUM" ] || skip "chromium is missing, tools/setup checks installs it"

# What only tests need is fetched by the first of them.
if ! [ -e "$web/node_modules/playwright-core" ]; then
  (cd "$web" && npm ci >/dev/null) || skip "the packages of web/package.json cannot be fetched"
fi
(cd "$web" && npm run --silent types)
export TERN_CHROMIUM TERN_WEB=$web TERN_BINARY=$tern
# Two files at a time, each one's report whole.
printf '%s\n' *.test.mjs | xargs -P 2 -I{} sh -c \
  'report=$(node --test --test-reporter=spec {} 2>&1); result=$?; printf "%s\n" "$report"; exit $result'
