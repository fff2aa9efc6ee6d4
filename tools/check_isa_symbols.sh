#!/usr/bin/env bash
# Fails if an object compiled for an ISA carries a weak symbol outside its own isa_* namespace: the linker may keep
# that copy for every caller, so AVX-512 code could run on a CPU without it. Objects are made at -O0 (inlining hides
# leaks), through ccache, beside the normal build.
set -euo pipefail
cd "$(dirname "$0")/.."
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
  ccache g++ $flags $flag -I$out/gen -c "$source" -o "$object"
  nm -C "$object" | sed 's/^[0-9a-f ]*//' | grep -E '^[WVu] ' | grep -v -e "isa_${isa}::" -e 'DW.ref.' | sed "s|^|$source: |" | head -5 || true
}
export -f compile
export flags out
leaks=$(find src -name 'avx*.cc' | while read -r source; do
  isa=$(basename "$source" .cc)
  printf '%s\0%s\0%s\0' "$source" "$isa" "${isa_flags[$isa]}"
done | xargs -0 -r -n3 -P2 bash -c 'compile "$@"' _)
if [ -n "$leaks" ]; then echo "$leaks"; echo "isa symbols: leaks"; exit 1; fi
echo "isa symbols: clean"
