#!/usr/bin/env python3
"""same_bits_test.py TERN: the catalogue models give the same bits whatever the chunk and the threads, on every ISA cap.

(The batch is varied by src/engine/runner_test.cc on small models; here `tern logits` runs the real ones.)
"""
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOKENS = ",".join(str((i * 7919 + 11) % 30000) for i in range(150))


def digest(tern, model, isa, chunk, threads, precision, out):
    command = [tern, "logits", model, "--tokens", TOKENS, "--out", out, "--chunk", str(chunk), "--threads", str(threads),
               "--precision", precision]
    subprocess.run(command, check=True, timeout=300, env={**os.environ, "TERN_ISA": isa})
    return hashlib.sha256(out.read_bytes()).hexdigest()[:16]


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "logits.npy"
        for model in ("smollm2", "gemma3-270m"):
            for isa in ("avx512", "avx2", "none"):
                # The portable kernels are slow: the two cases that differ most.
                cases = [(0, 1), (1, 2), (7, 1), (64, 2)] if isa != "none" else [(64, 2), (7, 1)]
                digests = {digest(sys.argv[1], model, isa, *case, "default", out) for case in cases}
                good = len(digests) == 1
                failed += not good
                print(f"{'ok  ' if good else 'FAIL'} {model} {isa}: {len(cases)} ways to compute, {digests}", flush=True)
    sys.exit(failed > 0)


main()
