#!/usr/bin/env python3
"""quality_test.py TERN: what each activation precision costs against exact, on 2,000 tokens of a text of ours.

tests/models/text.txt. The limits on mean KLD are what the pass choose_precision promises, its `.budget`.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

TEXT = Path(__file__).parent / "text.txt"
PASS = Path(__file__).parents[2] / "src/graph/passes/choose_precision.cc"


def promised():
    """{"fast": 0.0035, ...}: by mode, the most that it may cost."""
    budget = re.search(r'\.budget = "([^"]*)"', PASS.read_text())[1]
    limits = {mode: float(limit) for mode, limit in re.findall(r"(\w+) (\d[\d.e-]*)", budget)}
    del limits["exact"]  # the reference
    return limits


def evaluate(tern, model, precision):
    command = [tern, "eval", model, "--text", TEXT, "--reference", model, "--precision", precision, "--max-tokens", "2000",
               "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout)


def main():
    failed = 0
    limits = promised()
    assert set(limits) == {"fast", "default", "precise"}, limits
    for model in ("smollm2", "gemma3-270m"):
        for precision, limit in limits.items():
            report = evaluate(sys.argv[1], model, precision)
            kld = report["kld"]
            good = kld["mean"] <= limit and report["tokens"] > 1900
            failed += not good
            print(f"{'ok  ' if good else 'FAIL'} {model} {precision}: mean KLD {kld['mean']:.2e} (limit {limit:g}), 99 % "
                  f"{kld['p99']:.2e}, top-1 {report['top1']:.1%}, perplexity {report['perplexity']:.3f} "
                  f"(exact {report['reference_perplexity']:.3f}), {report['tokens']} tokens", flush=True)
    sys.exit(failed > 0)


main()
