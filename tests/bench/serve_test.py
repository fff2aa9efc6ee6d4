#!/usr/bin/env python3
"""serve_test.py TERN: bench/serve's table, with Tern under another name as its own peer."""
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]


def main():
    tern = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, peer = folder / "tiny.gguf", folder / "llama-server"
        subprocess.run([sys.executable, SOURCE / "tests/tiny_gguf.py", model, "--chat"], check=True)
        peer.write_text(f'#!/bin/sh\n[ "$1" = -m ] && exec {tern} serve "$2" --port "$6" --log none\necho "version: 1 (abc)"\n')
        peer.chmod(0o755)
        done = subprocess.run([SOURCE / "bench/serve", model, "--tern", tern, "--llama-server", peer, "--streams", "1,3",
                               "--rounds", "2", "--requests", "2", "--words", "3", "--answer", "5", "--threads", "1"],
                              capture_output=True, text=True, timeout=100)
    if done.returncode != 0:
        sys.exit(f"FAIL exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if line.startswith("| ")]
    if [row[:2] for row in rows[1:]] != [["1", "Tern"], ["1", "llama-server"], ["3", "Tern"], ["3", "llama-server"]]:
        sys.exit(f"FAIL rows\n{done.stdout}")
    for row in rows[1:]:
        numbers = [float(cell.split()[0]) for cell in row[2:7]]
        if not (numbers[0] > 0 and numbers[1] > 0 and numbers[1] <= numbers[2] and numbers[3] <= numbers[4]):
            sys.exit(f"FAIL figures of {row}")
    if not (rows[1][8].endswith("x") and rows[2][8] == "" and "version: 1 (abc)" in done.stdout):
        sys.exit(f"FAIL peer\n{done.stdout}")
    print("ok")


main()
