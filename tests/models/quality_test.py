#!/usr/bin/env python3
"""quality_test.py TERN: what each activation precision costs against exact, on 2,000 tokens of a text of ours.

tests/models/text.txt. Limits on mean KLD: precise 1e-5, default 0.0015, fast 0.0035.
"""
import json
import subprocess
import sys
from pathlib import Path

TEXT = Path(__file__).parent / "text.txt"
LIMITS = {"precise": 1e-5, "default": 0.0015, "fast": 0.0035}


def evaluate(tern, model, precision):
    command = [tern, "eval", model, "--text", TEXT, "--reference", model, "--precision", precision, "--max-tokens", "2000",
               "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout)


def main():
    failed = 0
    for model in ("smollm2", "gemma3-270m"):
        for precision, limit in LIMITS.items():
            report = evaluate(sys.argv[1], model, precision)
            kld = report["kld"]
            good = kld["mean"] <= limit and report["tokens"] > 1900
            failed += not good
            print(f"{'ok  ' if good else 'FAIL'} {model} {precision}: mean KLD {kld['mean']:.2e} (limit {limit:g}), 99 % "
                  f"{kld['p99']:.2e}, top-1 {report['top1']:.1%}, perplexity {report['perplexity']:.3f} "
                  f"(exact {report['reference_perplexity']:.3f}), {report['tokens']} tokens", flush=True)
    sys.exit(failed > 0)


main()
