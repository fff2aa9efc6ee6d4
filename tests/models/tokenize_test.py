#!/usr/bin/env python3
"""tokenize_test.py TERN: the catalogue models' tokenizers against Hugging Face tokenizers and sentencepiece.

Texts and ids stand in tests/tokenizers (tests/reference/make_tokenizer_vectors.py makes the ids). What is tokenized is
also decoded again, id by id: the parts must join to the text, and each is whole characters.
"""
import json
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "tokenizers"


def run(tern, *args, lines):
    out = subprocess.run([tern, *args], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
    return [json.loads(line) for line in out.stdout.split("\n")[:-1]]


def check(what, lines, got, want):
    wrong = [i for i in range(len(lines)) if got[i] != want[i]]
    for i in wrong:
        print(f"FAIL {what}, line {i + 1}: {lines[i]}\n  got  {got[i]}\n  want {want[i]}")
    print(f"{'FAIL' if wrong else 'ok  '} {what}: {len(lines) - len(wrong)} of {len(lines)}")
    return len(wrong)


def text_of(line):
    item = json.loads(line)
    return item if isinstance(item, str) else bytes.fromhex(item["hex"]).decode("utf-8", "replace")


def check_model(tern, model):
    failed = 0
    for texts, ids, flags in (("texts.jsonl", f"{model}.ids", []),
                              ("special_texts.jsonl", f"{model}.special.ids", ["--parse-special"])):
        lines = (FOLDER / texts).read_text().splitlines()
        want = [[int(i) for i in line.split()] for line in (FOLDER / ids).read_text().splitlines()]
        got = run(tern, "tokenize", model, "--jsonl", "--no-bos", *flags, lines=lines)
        assert len(lines) == len(want) == len(got) > 10
        failed += check(f"{model}, {texts}", lines, got, want)
        parts = run(tern, "detokenize", model, "--jsonl", "--special", lines=[json.dumps(ids) for ids in got])
        assert all(len(part) == len(ids) + 1 for part, ids in zip(parts, got))
        # U+2581 is a space to SentencePiece: what spells it comes back as a space.
        spaced = [text_of(line).replace("\u2581", " ") if model.startswith("gemma") else text_of(line) for line in lines]
        failed += check(f"{model}, {texts} decoded", lines, ["".join(part) for part in parts], spaced)
    return failed


def main():
    sys.exit(sum(check_model(sys.argv[1], model) for model in ("smollm2", "gemma3-270m")) > 0)


main()
