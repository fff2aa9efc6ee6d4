#!/usr/bin/env python3
"""random_test.py TERN [--first N] [--count N]: random template programs must render as Jinja2 renders them.

Prints each program that does not, and the shortest one last.
"""
import argparse
import re
import sys
import tempfile
from pathlib import Path

import jinja_oracle
from random_templates import VARIABLES, Program

# What Python prints with an address; namespaces inside namespaces, of which Tern prints less; and that Jinja, where both are
# constants, takes a slice of what has none for undefined.
UNCOMPARABLE = re.compile("0x7[0-9a-f]{9,}|<Namespace.*<Namespace|is not subscriptable|LoopContext. object is not iter", re.I)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tern")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--show", type=int, default=3, help="programs to print")
    args = parser.parse_args()
    tern, env = jinja_oracle.Tern(args.tern), jinja_oracle.environment()
    wrong, failed = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "program.jinja"
        for seed in range(args.first, args.first + args.count):
            source = Program(seed).text
            want = jinja_oracle.render(jinja_oracle.parse(env, source), VARIABLES)
            path.write_bytes(source.encode())
            got = tern.render(path, VARIABLES)
            if UNCOMPARABLE.search(f"{want} {got}"):
                continue
            failed += "error" in want
            if want.keys() != got.keys() or want.get("text") != got.get("text"):
                wrong.append((len(source), seed, source, want, got))
    for _, seed, source, want, got in sorted(wrong)[:args.show][::-1]:
        print(f"DIFFERENT, seed {seed}:\n{source}\n  want {want}\n  got  {got}")
    print(f"{args.count} programs, {failed} of them fail: {len(wrong)} different")
    sys.exit(bool(wrong))


main()
