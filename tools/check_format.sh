#!/usr/bin/env bash
# check_format.sh [--fix]: clang-format over all tracked and new C++ files. One version for everybody: each formats a
# little differently.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files -co --exclude-standard -- '*.h' '*.cc')
command -v clang-format-14 >/dev/null || { echo "format: clang-format-14 is missing: tools/setup checks"; exit 1; }
if [ "${1:-}" = --fix ]; then exec clang-format-14 -i "${files[@]}"; fi
if { clang-format-14 --dry-run -Werror "${files[@]}" 2>&1 || true; } | grep -E '^[^ ]+: error:' | cut -d: -f1-2 | sort -u | head -20 | grep .; then
  echo "format: run tools/check_format.sh --fix"
  exit 1
fi
echo "format: clean"
