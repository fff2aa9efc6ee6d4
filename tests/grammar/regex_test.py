#!/usr/bin/env python3
"""regex_test.py PROBE [--count N]: random regular expressions against Python's re.fullmatch, and texts drawn by the masks.
"""
import argparse
import random
import re
import signal
import sys
import tempfile

from probe import Probe, models

ATOMS = ["a", "b", "c", ".", "[abc]", "[^a]", "[a-c-]", "[]a]", r"\d", r"\w", r"\s", r"\S", r"\.", "é", "[à-ÿ]", r"\x62", "{", "(?:)", r"[\d.]",
         r"[^\W]", "日", "x{,2}", r"\t", "(?P<n>a)"]
LETTERS = "abcdx.-] \té日1_{}\n"


def expression(r, depth=3):
    kind = r.randrange(7) if depth > 0 else 0
    if kind <= 1:
        return r.choice(ATOMS)
    if kind == 2:
        return "".join(expression(r, depth - 1) for _ in range(r.randrange(1, 4)))
    if kind == 3:
        return "(" + "|".join(expression(r, depth - 1) for _ in range(r.randrange(1, 4))) + ")"
    if kind == 4:
        return "(?:" + expression(r, depth - 1) + ")" + r.choice(["*", "+", "?", "*?", "+?"])
    low = r.randrange(0, 4)
    return "(?:" + expression(r, depth - 1) + ")" + r.choice(
        [f"{{{low}}}", f"{{{low},}}", f"{{{low},{low + r.randrange(0, 40)}}}", f"{{,{low}}}"])


def whole(pattern, text):
    """Whether it matches; None where Python takes too long to know."""
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        return pattern.fullmatch(text) is not None
    except TimeoutError:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def too_long(*_):
    raise TimeoutError


def main():
    signal.signal(signal.SIGALRM, too_long)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("probe")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--first", type=int, default=0)
    args = parser.parse_args()
    problems, matched = [], 0
    with tempfile.TemporaryDirectory() as folder:
        probe = Probe(args.probe, models(folder, []))
        for seed in range(args.first, args.first + args.count):
            r = random.Random(seed)
            source = expression(r)
            # A group's name may stand for one group only.
            source = source.replace("(?P<n>", "(?P<n>", 1) if source.count("(?P<n>") == 1 else source.replace("(?P<n>", "(")
            pattern = re.compile(source, re.ASCII)
            answer = probe("regex", source, generate=4, seed=seed, most=24)
            drawn = [text for text in answer.get("texts", []) if text is not None]
            texts = drawn + ["".join(r.choice(LETTERS) for _ in range(r.randrange(0, 8))) for _ in range(20)]
            texts += [text[:i] + r.choice(LETTERS) + text[i:] for text in drawn for i in [r.randrange(len(text) + 1)]]
            texts = [text for text in texts if "\ufffd" not in text]
            tried = probe("regex", source, texts=texts)
            if "error" in answer or "error" in tried:
                problems.append(f"seed {seed}: {source!r}: {answer.get('error', tried.get('error'))}")
                continue
            for text, matches in zip(texts, tried["matches"]):
                matched += matches
                if whole(pattern, text) not in (matches, None):
                    problems.append(f"seed {seed}: {source!r}: {text!r}: {matches}, Python says {not matches}")
            for text in drawn:
                if "\ufffd" not in text and whole(pattern, text) is False:
                    problems.append(f"seed {seed}: {source!r}: drew {text!r}")
    print(*problems[:20], sep="\n")
    print(f"{args.count} patterns, {matched} texts matched, {len(problems)} problems")
    sys.exit(bool(problems) or matched < args.count)


main()
