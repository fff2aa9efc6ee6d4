#!/usr/bin/env python3
"""logits_test.py TERN: the catalogue models in exact precision against Hugging Face Transformers in fp32.

Demands max |difference| <= 1e-3 of the row's standard deviation of logits and the same greedy continuation over 32
tokens. The references (*.npz beside this file) are made by tests/reference/make_logits.py.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
LIMIT = 1e-3


def logits(tern, model, tokens, out):
    out.with_suffix(".json").write_text(json.dumps([int(t) for t in tokens]))
    command = [tern, "logits", model, "--tokens-file", out.with_suffix(".json"), "--out", out, "--precision", "exact"]
    subprocess.run(command, check=True, timeout=300)
    return np.load(out)


def check(tern, model, folder):
    reference = np.load(HERE / f"{model}.npz")
    columns, failed = reference["columns"], 0
    for i in range(sum(name.startswith("tokens_") for name in reference.files)):
        prompt, greedy = reference[f"tokens_{i}"], reference[f"greedy_{i}"]
        # One run covers both: the rows of the prompt, then the choice at each token of the continuation.
        got = logits(tern, model, np.concatenate([prompt, greedy]), folder / f"{model}_{i}.npy")
        want = reference[f"logits_{i}"]
        rows = got[len(prompt) - len(want) : len(prompt)]
        worst = float((np.abs(rows[:, columns] - want) / reference[f"std_{i}"][:, None]).max())
        same_argmax = bool((rows.argmax(axis=1) == reference[f"argmax_{i}"]).all())
        same_greedy = bool((got[len(prompt) - 1 : -1].argmax(axis=1) == greedy).all())
        good = worst <= LIMIT and same_greedy
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {model} prompt {i}: {len(prompt)} tokens, max difference "
              f"{worst:.1e} of std (limit {LIMIT:.0e}), argmax equal: {same_argmax}, continuation equal: {same_greedy}")
    return failed


def main():
    with tempfile.TemporaryDirectory() as folder:
        failed = sum(check(sys.argv[1], model, Path(folder)) for model in ("smollm2", "gemma3-270m"))
    sys.exit(failed > 0)


main()
