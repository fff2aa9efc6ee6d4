#!/usr/bin/env python3
"""encoder_heads_test.py TERN: what comes before and behind an encoder, on a tiny ModernBERT beside a tokenizer of bytes.

The head's numbers, computed here from the hidden states: with and without biases, labels that exclude each other and
labels that do not (problem_type). And how long a text may be: max_seq_length of sentence-transformers, else what the
tokenizer's file says, unless that is no limit.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "reference"))
from tiny_weights import values, write_arrays  # noqa: E402

VOCABULARY, WIDTH, LABELS, TEXT = 259, 96, 3, "to be, or not to be"
TERN = Path(sys.argv[1]).resolve()


def tern(*words, text=None):
    done = subprocess.run([TERN, *map(str, words)], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_encoder(folder, head, settings=None):
    """A classifier whose head has these tensors. Returns their values, and the norm's epsilon."""
    subprocess.run([sys.executable, TESTS / "tiny_tokenizer.py", folder], check=True)
    made = json.loads((TESTS / "models/tiny/modern-bert.json").read_text())
    sizes = {made["config"]["vocab_size"]: VOCABULARY}
    shapes = {name: [sizes.get(n, n) for n in shape] for name, shape in made["tensors"].items()} | head
    arrays = {name: values(name, shape, made["seed"]) for name, shape in shapes.items()}
    write_arrays(folder / "model.safetensors", arrays)
    config = made["config"] | {"architectures": ["ModernBertForSequenceClassification"], "vocab_size": VOCABULARY,
                               "classifier_activation": "relu"} | (settings or {})
    (folder / "config.json").write_text(json.dumps(config))
    return {name: arrays[name].astype(np.float64) for name in head}, config["norm_eps"]


def classify(folder):
    lines = tern("classify", folder, "--jsonl", "--precision", "exact", text=json.dumps(TEXT) + "\n")
    return np.array(list(json.loads(lines).values()))


def hidden_state(folder):
    """Of the first token."""
    ids = json.loads(tern("tokenize", folder, "--jsonl", text=json.dumps(TEXT) + "\n"))
    tern("logits", folder, "--tokens", ",".join(map(str, ids)), "--out", folder / "out.npy", "--precision", "exact")
    return np.load(folder / "out.npy")[0].astype(np.float64)


def head_of(x, head, eps):
    x = np.maximum(head["head.dense.weight"] @ x + head.get("head.dense.bias", 0), 0)
    x = (x - x.mean()) / np.sqrt(x.var() + eps) * head["head.norm.weight"] + head.get("head.norm.bias", 0)
    return head["classifier.weight"] @ x + head["classifier.bias"]


def check_head(folder, biases, problem_type):
    shapes = {"head.dense.weight": [WIDTH, WIDTH], "head.norm.weight": [WIDTH], "classifier.weight": [LABELS, WIDTH],
              "classifier.bias": [LABELS]} | {name: [WIDTH] for name in biases}
    head, eps = write_encoder(folder, shapes, {"problem_type": problem_type})
    logits = head_of(hidden_state(folder), head, eps)
    several = problem_type == "multi_label_classification"
    want = 1 / (1 + np.exp(-logits)) if several else np.exp(logits) / np.exp(logits).sum()
    if problem_type == "regression":
        want = logits
    tern("convert", folder, folder / "converted.gguf")
    got = {name: classify(model) for name, model in (("folder", folder), ("GGUF", folder / "converted.gguf"))}
    return max(float(np.abs(g - want).max()) for g in got.values())


def tokens_read(folder, *changes):
    """How many tokens of a text count, once these (file, key, value) are said."""
    write_encoder(folder, {})
    for name, key, value in changes:
        path = folder / name
        settings = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(settings | {key: value}))
    texts = ["x" * n for n in range(1, 41)]
    vectors = json.loads("[" + ",".join(tern("embed", folder, "--jsonl", text="".join(json.dumps(t) + "\n" for t in texts))
                                        .splitlines()) + "]")
    longest = next(i for i, vector in enumerate(vectors) if vector == vectors[-1])
    return longest + 2  # <s> comes first


def main():
    failed = 0

    def report(good, what):
        nonlocal failed
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {what}", flush=True)

    with tempfile.TemporaryDirectory() as temporary:
        folders = (Path(temporary) / str(i) for i in range(99))
        for biases in ([], ["head.dense.bias"], ["head.norm.bias"], ["head.dense.bias", "head.norm.bias"]):
            for problem_type in (None, "single_label_classification", "multi_label_classification", "regression"):
                worst = check_head(next(folders), biases, problem_type)
                report(worst < 1e-5, f"head with {biases or 'no biases'}, {problem_type}: max difference {worst:.1e}")
        limit = ("tokenizer_config.json", "model_max_length")
        for want, *changes in ((41,), (12, (*limit, 12)), (41, (*limit, 1000000000000000019884624838656)),
                               (41, (*limit, None)), (20, (*limit, 12), ("sentence_bert_config.json", "max_seq_length", 20)),
                               (12, (*limit, 12), ("sentence_bert_config.json", "max_seq_length", None))):
            got = tokens_read(next(folders), *changes)
            report(got == want, f"{changes or 'no limit'}: {got} tokens of 41, expected {want}")
    sys.exit(failed > 0)


main()
