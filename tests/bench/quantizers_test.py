#!/usr/bin/env python3
"""quantizers_test.py TERN: bench/quantizers' tables, with a quantizer that changes nothing: what it runs, keeps and prints."""
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def fake(folder, tern):
    """Programs with the command lines of llama.cpp's; the matrix of importances is Tern's."""
    scripts = {
        "llama-quantize": 'if [ "$1" = --imatrix ]; then test -s "$2" || exit 3; shift 2; fi\n'
                          'cp "$1" "$2"; echo "WARNING: 5 of 18 tensor(s) required fallback quantization"',
        "llama-imatrix": 'if [ "$1" = --version ]; then echo "version: 7 (abc)"; exit; fi\n'
                         'while [ $# -gt 0 ]; do case "$1" in -m) model=$2;; -f) test -s "$2" || exit 3;; -o) out=$2;; esac; shift; done\n'
                         f'"{tern}" compress "$model" --size 1 --generated-tokens 0 -t 1 --imatrix-out "$out" -o "$out.none.gguf"; '
                         'rm "$out.none.gguf.work"; test -s "$out"',
    }
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def main():
    tern = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, own = folder / "tiny.gguf", folder / "own.gguf"
        subprocess.run([sys.executable, SOURCE / "tests/tiny_gguf.py", model], check=True)
        subprocess.run([tern, "convert", model, own, "--dtype", "bf16"], check=True, stdout=subprocess.DEVNULL)
        command = [sys.executable, SOURCE / "bench/quantizers", model, "--llama-cpp", fake(folder / "llama", tern), "--tern", tern, "--own", own,
                   "--types", "Q4_0,Q8_0", "--windows", "12", "--search", "--work", folder / "work", "--threads", "1"]
        runs = [subprocess.run(command, capture_output=True, text=True, timeout=100) for _ in range(2)]
        assert runs[0].returncode == 0, runs[0].stderr
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in runs[0].stdout.splitlines() if line.startswith("|")]
        assert [row[0] for row in rows] == ["type", "---", "Q4_0", "Q8_0", "own.gguf", "type", "---", "Q4_0", "Q8_0"], runs[0].stdout
        assert rows[2][2] == "5" and rows[2][3].startswith("0") and rows[2][5] == "both exact", rows[2]
        assert rows[2][3:6] == rows[2][6:9] and float(rows[4][4].split()[0]) > 0, rows
        assert int(rows[7][2].replace(",", "")) <= int(rows[7][1].replace(",", "")) and float(rows[7][6]) > 0, rows[7]
        assert "llama.cpp version: 7 (abc)" in runs[0].stdout
        # What is there is not made again.
        assert runs[1].stdout == runs[0].stdout and not runs[1].stderr.strip(), runs[1].stderr
    print("quantizers: fine")


main()
