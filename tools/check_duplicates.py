#!/usr/bin/env python3
"""check_duplicates.py: fails when 5 % or more of the code lines stand in a run of six lines that stands elsewhere too."""
import re
import sys
from collections import defaultdict
from pathlib import Path

RUN, MAX_SHARE = 6, 0.05
SKIP = re.compile(r"^(//|#include|#pragma|using |\}|\)|namespace|extern const)")


def code_lines(path):
    """(line number, text) of the lines that say something, white space folded."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = " ".join(line.split())
        if len(text) > 3 and not SKIP.match(text):
            yield number, text


def main():
    places, total = defaultdict(list), 0
    for path in sorted([*Path("src").rglob("*.cc"), *Path("src").rglob("*.h")]):
        lines = list(code_lines(path))
        total += len(lines)
        for i in range(len(lines) - RUN + 1):
            run = "\n".join(text for _, text in lines[i : i + RUN])
            places[run].append((str(path), [number for number, _ in lines[i : i + RUN]]))
    repeated = defaultdict(set)
    examples = []
    for run in places.values():
        if len(run) < 2:
            continue
        examples.append(f"  {run[0][0]}:{run[0][1][0]} ~ {run[1][0]}:{run[1][1][0]}")
        for path, numbers in run[1:]:
            repeated[path].update(numbers)
    count = sum(len(numbers) for numbers in repeated.values())
    share = count / max(total, 1)
    print(f"duplicates: {count} of {total} lines, {share:.1%}, at most {MAX_SHARE:.0%}")
    if share >= MAX_SHARE:
        print(*examples[:20], sep="\n")
        sys.exit(1)


main()
