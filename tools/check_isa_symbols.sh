#!/usr/bin/env bash
# check_isa_symbols.sh [FOLDER]: looks at all avx*.cc in it (default: src). Fails if an object compiled for an ISA carries
# a weak symbol outside its own isa_* namespace: the linker may keep that copy for every caller, so AVX-512 code could run
# on a CPU without it. Objects are made at -O0 (inlining hides leaks), through ccache, beside the normal build; one that
# cannot be made fails too.
set -euo pipefail
cd "$(dirname "$0")/.."
where=${1:-src}
flags="-std=c++20 -O0 -ffp-contract=off -Isrc -w"
out=build/isa_symbols
mkdir -p $out/gen
[ "$(uname -m)" = x86_64 ] || { echo "isa symbols: skipped, not x86-64"; exit 0; }

{ echo "#pragma once"; sed -n 's/^FORMAT(\([a-z0-9_]*\).*/#include "tensor\/quant\/\1.h"/p' src/tensor/quant/formats.list; } > $out/gen/formats_all.h
declare -A isa_flags
while IFS=: read -r isa rest; do isa_flags[$isa]=$rest; done < <(grep -v '^#' cmake/isa_flags.txt)

compile() {
  local source=$1 isa=$2 flag=$3
  local object=$out/$(echo "${source%.cc}" | tr / _).o
  ccache g++ $flags $flag -I$out/gen -c "$source" -o "$object" || { echo "$source: does not compile"; return; }
  nm -C "$object" >"$object.symbols" || { echo "$source: nm fails"; return; }
  sed 's/^[0-9a-f ]*//' "$object.symbols" | grep -E '^[WVu] ' | grep -v -e "isa_${isa}::" -e 'DW.ref.' | sed "s|^|$source: |" | head -5
}
export -f compile
export flags out
sources=$(find "$where" -name 'avx*.cc')
[ -n "$sources" ] || { echo "isa symbols: no avx*.cc in $where"; exit 1; }
faults=$(while read -r source; do
  isa=$(basename "$source" .cc)
  printf '%s\0%s\0%s\0' "$source" "$isa" "${isa_flags[$isa]}"
done <<<"$sources" | xargs -0 -r -n3 -P2 bash -c 'compile "$@"; exit 0' _)
if [ -n "$faults" ]; then echo "$faults"; echo "isa symbols: failed"; exit 1; fi
echo "isa symbols: clean"
