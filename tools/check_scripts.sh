#!/usr/bin/env bash
# check_scripts.sh [FILE...]: whatever begins with #! can be run as pages and help write it. Without files: all tracked
# and new ones.
set -euo pipefail
if [ $# -gt 0 ]; then files=("$@"); else
  cd "$(dirname "$0")/.."
  mapfile -t files < <(git ls-files -co --exclude-standard)
fi
failed=0
for file in "${files[@]}"; do
  [ -f "$file" ] && [ ! -x "$file" ] && IFS= read -r -N 2 start < "$file" && [ "$start" = '#!' ] || continue
  echo "$file: begins with #! and cannot be executed: chmod +x"
  failed=1
done
[ $failed = 0 ] && echo "scripts: clean"
exit $failed
