#!/usr/bin/env python3
"""quality_test.py TERN: what each activation precision costs against exact, on 2,000 tokens of a text of ours.

tests/models/text.txt; both models as they come, and SmolLM2 with its weights as bf16 and as f16. The limits on mean KLD are what the passes choose_precision and round_floats promise, their `.budget`.
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from float_gguf import convert

TEXT = Path(__file__).parent / "text.txt"
PASSES = Path(__file__).parents[2] / "src/graph/passes"


def promised(name):
    """{"fast": 0.0035, ...}: by mode, the most that this pass may cost."""
    budget = re.search(r'\.budget = "([^"]*)"', (PASSES / f"{name}.cc").read_text())[1]
    return {mode: float(limit) for mode, limit in re.findall(r"(\w+) (\d[\d.e-]*)", budget)}


def evaluate(tern, model, precision):
    command = [tern, "eval", model, "--text", TEXT, "--reference", model, "--precision", precision, "--max-tokens", "2000",
               "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=600).stdout)


def report_of(tern, name, model, precision, limit):
    """Prints a line; whether the model keeps the limit."""
    report = evaluate(tern, model, precision)
    kld = report["kld"]
    good = kld["mean"] <= limit and report["tokens"] > 1900
    print(f"{'ok  ' if good else 'FAIL'} {name} {precision}: mean KLD {kld['mean']:.2e} (limit {limit:g}), 99 % "
          f"{kld['p99']:.2e}, top-1 {report['top1']:.1%}, perplexity {report['perplexity']:.3f} "
          f"(exact {report['reference_perplexity']:.3f}), {report['tokens']} tokens", flush=True)
    return good


def main():
    tern, limits = sys.argv[1], promised("choose_precision")
    del limits["exact"]  # the reference
    assert set(limits) == {"fast", "default", "precise"}, limits
    good = [report_of(tern, model, model, *limit) for model in ("smollm2", "gemma3-270m") for limit in limits.items()]
    listed = json.loads(subprocess.run([tern, "inspect", "smollm2", "--json"], check=True, capture_output=True, text=True).stdout)
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("bf16", "f16"):
            model = Path(folder) / f"smollm2-{kind}.gguf"
            convert(listed["path"], model, kind)
            for precision, limit in (("default", promised("round_floats")["default"]), ("precise", limits["precise"])):
                good.append(report_of(tern, model.name, model, precision, limit))
    sys.exit(not all(good))


main()
