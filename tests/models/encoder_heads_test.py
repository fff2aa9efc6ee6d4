#!/usr/bin/env python3
"""encoder_heads_test.py TERN: what comes before and behind an encoder, on a tiny ModernBERT beside a tokenizer of bytes.

The head's numbers, computed here from the hidden states: with and without biases, labels that exclude each other and
labels that do not (problem_type). Linears behind pooling (2_Dense of sentence-transformers), as its modules compute them. And
how long a text may be: max_seq_length of sentence-transformers, else what the
tokenizer's file says, unless that is no limit.
"""
import json
import math
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


def hidden_states(folder):
    """Of each token."""
    ids = json.loads(tern("tokenize", folder, "--jsonl", text=json.dumps(TEXT) + "\n"))
    tern("logits", folder, "--tokens", ",".join(map(str, ids)), "--out", folder / "out.npy", "--precision", "exact")
    return np.load(folder / "out.npy").astype(np.float64)


def head_of(x, head, eps):
    x = np.maximum(head["head.dense.weight"] @ x + head.get("head.dense.bias", 0), 0)
    x = (x - x.mean()) / np.sqrt(x.var() + eps) * head["head.norm.weight"] + head.get("head.norm.bias", 0)
    return head["classifier.weight"] @ x + head["classifier.bias"]


def check_head(folder, biases, problem_type):
    shapes = {"head.dense.weight": [WIDTH, WIDTH], "head.norm.weight": [WIDTH], "classifier.weight": [LABELS, WIDTH],
              "classifier.bias": [LABELS]} | {name: [WIDTH] for name in biases}
    head, eps = write_encoder(folder, shapes, {"problem_type": problem_type})
    logits = head_of(hidden_states(folder)[0], head, eps)
    several = problem_type == "multi_label_classification"
    want = 1 / (1 + np.exp(-logits)) if several else np.exp(logits) / np.exp(logits).sum()
    if problem_type == "regression":
        want = logits
    tern("convert", folder, folder / "converted.gguf")
    got = {name: classify(model) for name, model in (("folder", folder), ("GGUF", folder / "converted.gguf"))}
    return max(float(np.abs(g - want).max()) for g in got.values())


def write_modules(folder, linears, pooling, normalizes):
    """modules.json and what it names; `linears`: (outputs, activation, whether it has a bias). Returns the linears' tensors."""
    kinds, made, width = [("", "Transformer"), ("1_Pooling", "Pooling")], [], WIDTH
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps(pooling))
    for i, (outputs, activation, bias) in enumerate(linears, 2):
        (folder / f"{i}_Dense").mkdir()
        (folder / f"{i}_Dense/config.json").write_text(json.dumps(
            {"in_features": width, "out_features": outputs, "bias": bias, "activation_function": f"torch.nn.modules.{activation}"}))
        shapes = {"linear.weight": [outputs, width]} | ({"linear.bias": [outputs]} if bias else {})
        made.append({name: values(name, shape, i) for name, shape in shapes.items()})
        write_arrays(folder / f"{i}_Dense/model.safetensors", made[-1])
        kinds.append((f"{i}_Dense", "Dense"))
        width = outputs
    kinds += [(f"{len(kinds)}_Normalize", "Normalize")] if normalizes else []
    (folder / "modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (path, kind) in enumerate(kinds)]))
    return made


ACTIVATIONS = {"linear.Identity": lambda x: x, "activation.Tanh": np.tanh, "activation.ReLU": lambda x: np.maximum(x, 0),
               "activation.SiLU": lambda x: x / (1 + np.exp(-x)),
               "activation.GELU": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2}


def check_dense(folder, linears, pooling, normalizes):
    """The folder, and what is made of it: GGUF, and another folder."""
    write_encoder(folder, {})
    made = write_modules(folder, linears, pooling, normalizes)
    want = hidden_states(folder).mean(axis=0)
    for tensors, (_, activation, _) in zip(made, linears):
        want = ACTIVATIONS[activation](tensors["linear.weight"] @ want + tensors.get("linear.bias", 0))
    want = want / np.linalg.norm(want) if normalizes else want
    tern("convert", folder, folder / "x.gguf")
    tern("convert", folder, folder / "copy")
    got = [json.loads(tern("embed", model, "--jsonl", "--precision", "exact", text=json.dumps(TEXT) + "\n"))
           for model in (folder, folder / "x.gguf", folder / "copy")]
    assert all(len(vector) == len(want) for vector in got), [len(vector) for vector in got]
    return float(np.abs(np.array(got) - want).max())


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
        old, new = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, {"pooling_mode": "mean"}
        for linears, pooling, normalizes in (
                ([(64, "activation.Tanh", True)], old, True), ([(112, "linear.Identity", False), (32, "linear.Identity", False)], new, True),
                ([(33, "activation.ReLU", True), (40, "activation.GELU", True), (7, "activation.SiLU", False)], old, False)):
            worst = check_dense(next(folders), linears, pooling, normalizes)
            report(worst < 1e-5, f"behind pooling {linears}, normalized {normalizes}: max difference {worst:.1e}")
        limit = ("tokenizer_config.json", "model_max_length")
        for want, *changes in ((41,), (12, (*limit, 12)), (41, (*limit, 1000000000000000019884624838656)),
                               (41, (*limit, None)), (20, (*limit, 12), ("sentence_bert_config.json", "max_seq_length", 20)),
                               (12, (*limit, 12), ("sentence_bert_config.json", "max_seq_length", None))):
            got = tokens_read(next(folders), *changes)
            report(got == want, f"{changes or 'no limit'}: {got} tokens of 41, expected {want}")
    sys.exit(failed > 0)


main()
