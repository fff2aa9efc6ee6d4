#!/usr/bin/env python3
"""instructions_test.py STEP_INSTRUCTIONS [--update]: what a token costs in instructions must not creep up.

Callgrind counts the instructions of a fixed decode step and a fixed prefill chunk (step_instructions.cc), on one thread, with the
kernels for AVX2, the newest that Valgrind executes. Counts don't depend on the machine or its load, only on the code and the
compiler; figures.json holds those of the last change that meant to move them. More than 3 % above them fails, as does more than
3 % below: a gain that is not written down is lost by the next change unseen. --update writes the counts of now.
"""
import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

FIGURES = Path(__file__).parent / "figures.json"
TOLERANCE = 0.03
PROMPT, CHUNK, ANSWER = 24, 64, 16


def count(program, prompt, tokens, precision):
    """Instructions of the whole program, start included."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, str(prompt), str(tokens), precision],
        env=os.environ | {"TERN_ISA": "avx2"}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{program}: exit {done.returncode} under callgrind:\n{done.stderr}")
    return int(re.search(r"refs:\s+([\d,]+)", done.stderr)[1].replace(",", ""))


def measure(program):
    figures = {}
    for precision in ["default", "precise"]:
        base = count(program, PROMPT, 2, precision)
        figures[f"decode, {precision}"] = (count(program, PROMPT, 2 + ANSWER, precision) - base) // ANSWER
        figures[f"prefill, {precision}"] = (count(program, PROMPT + CHUNK, 2, precision) - base) // CHUNK
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", metavar="STEP_INSTRUCTIONS")
    parser.add_argument("--update", action="store_true")
    args = parser.parse_args()
    got = measure(args.program)
    if args.update:
        FIGURES.write_text(json.dumps(got, indent=2) + "\n")
    want = json.loads(FIGURES.read_text())
    failed = False
    for name, instructions in got.items():
        change = instructions / want[name] - 1
        failed |= abs(change) > TOLERANCE
        print(f"{name}: {instructions} instructions per token, {change:+.1%}")
    if failed:
        sys.exit(f"more than {TOLERANCE:.0%} from {FIGURES}: find out why; if it is meant, run this with --update")


if __name__ == "__main__":
    main()
