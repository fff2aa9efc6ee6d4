#!/usr/bin/env python3
"""embed_test.py TERN: all-MiniLM-L6-v2 against sentence-transformers' convention computed with Transformers.

The model is the catalogue's minilm. Demands a cosine of at least 0.99999 per sentence of sentences.json, alone and all
in one batch. The reference (minilm.npz) is made by tests/reference/make_embeddings.py.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LIMIT = 0.99999


def embed(tern, sentences):
    lines = "".join(json.dumps(sentence) + "\n" for sentence in sentences)
    done = subprocess.run([tern, "embed", "minilm", "--jsonl"], input=lines, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return np.array([json.loads(line) for line in done.stdout.splitlines()])


def main():
    tern = sys.argv[1]
    sentences = json.loads((HERE / "sentences.json").read_text())
    want = np.load(HERE / "minilm.npz")["embeddings"]
    together = embed(tern, sentences)
    alone = np.array([embed(tern, [sentence])[0] for sentence in sentences[:3]])
    cosines = (together * want).sum(axis=1) / np.linalg.norm(together, axis=1)
    lengths = np.linalg.norm(together, axis=1)
    good = cosines.min() >= LIMIT and np.abs(lengths - 1).max() < 1e-5 and (alone == together[:3]).all()
    print(f"{'ok  ' if good else 'FAIL'} minilm: {len(sentences)} sentences, smallest cosine {cosines.min():.7f} "
          f"(limit {LIMIT}), the same alone and in a batch: {bool((alone == together[:3]).all())}")
    sys.exit(not good)


main()
