#!/usr/bin/env python3
"""random_model_test.py TERN: what bench/random_model writes loads, computes finite logits of a sane size, and is reproducible.

Every preset in every type, made small. The tokenizer inside knows its words.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

GENERATOR = Path(__file__).resolve().parents[2] / "bench/random_model"
SMALL = ["--layers", "2", "--set", "width=256", "--set", "ffn=512", "--set", "vocabulary=700"]
DENSE, EXPERTS = ("llama-1.1b", "qwen3-0.6b"), ("moe-32x4", "mla")
TOKENS = 12


def make(out, preset, kind):
    subprocess.run([sys.executable, GENERATOR, out, "--preset", preset, "--type", kind, *SMALL], check=True, timeout=60)
    return out


def check(tern, folder, preset, kind):
    model, out = make(folder / f"{preset}-{kind}", preset, kind), folder / "out.npy"
    tokens = ",".join(str(i * 53) for i in range(TOKENS))
    subprocess.run([tern, "logits", model, "--tokens", tokens, "--out", out], check=True, timeout=60)
    logits = np.load(out)
    assert logits.shape == (TOKENS, 700), logits.shape
    assert np.isfinite(logits).all() and 0.3 < logits.std() < 3, f"{preset} {kind}: deviation {logits.std()}"


def main():
    tern = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for preset in DENSE + EXPERTS:
            for kind in ("q4_0", "q4_k_m", "q8_0", "q8_24", "bf16", "gptq" if preset in DENSE else "mxfp4"):
                check(tern, folder, preset, kind)
        again = make(folder / "again", "moe-32x4", "q4_k_m")
        assert again.read_bytes() == (folder / "moe-32x4-q4_k_m").read_bytes(), "two files from one seed differ"
        ids = subprocess.run([tern, "tokenize", again, "--ids"], input="ab", check=True, capture_output=True, text=True,
                             timeout=60).stdout
        assert ids.split() == ["257"], f"'ab' is the second word of two letters, token 257, got {ids}"
    print("random models: fine")


main()
