#!/usr/bin/env python3
"""convert_test.py TERN: what `tern convert` makes of Hugging Face folders. (tests/peers tries it in llama.cpp.)

To GGUF: for tokenizers of every kind (tests/text's zoos) beside a tiny model, the same ids and the same logits, and the
keys that readers need. And back into a folder, whose tokenizer.json gives Hugging Face's tokenizers the same ids. To safetensors: the same numbers rounded to the type, in shards, with all that lies beside them.
"""
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from gguf import GGUFReader
from tokenizers import Tokenizer

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS / "reference"), str(TESTS / "text")]
from nasty_strings import nasty_strings  # noqa: E402
from sentence_piece_zoo import SENTENCE_PIECE_ZOO  # noqa: E402
from tiny_weights import values, write_safetensors  # noqa: E402
from tokenizer_zoo import ZOO  # noqa: E402

# Kind of tokenizer -> what tokenizer.ggml.model and .pre must be.
KINDS = {"gpt-2": ("gpt2", "gpt-2"), "llama-3": ("gpt2", "llama-bpe"), "qwen-2": ("gpt2", "qwen2"),
         "gpt-oss": ("gpt2", "gpt-4o"), "tekken": ("gpt2", "tekken"), "deepseek-v3": ("gpt2", "deepseek-v3"),
         "falcon": ("gpt2", "falcon"), "starcoder-2": ("gpt2", "starcoder"), "command-r": ("gpt2", "command-r"),
         "bloom": ("gpt2", "bloom"), "llama-2": ("llama", "default"), "bert-cased": ("bert", "default"),
         "sentencepiece-bpe-llama": ("llama", "default"), "sentencepiece-bpe-gemma": ("llama", "default"),
         "sentencepiece-unigram-t5": ("t5", "default"), "sentencepiece-unigram-bytes": ("t5", "default")}
SETTINGS = {"bos_token": "<s>", "chat_template": [{"name": "default", "template": "{{ messages }}"},
                                                  {"name": "tool_use", "template": "{{ tools }}"}]}
EXTRA_ROWS = 7
TOKENS = ",".join(str((i * 37 + 5) % 200) for i in range(16))


def corpus():
    lines = [line for line in (TESTS / "models/text.txt").read_text().splitlines() if line] + list(nasty_strings(99, 400))
    random.Random(7).shuffle(lines)
    return lines


def tern(*words, text=None):
    return subprocess.run([sys.argv[1], *map(str, words)], input=text, capture_output=True, text=True, timeout=120)


def ids(model, texts, *flags):
    done = tern("tokenize", model, "--jsonl", *flags, text="".join(json.dumps(text) + "\n" for text in texts))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def logits(model):
    out = Path(model).with_suffix(".npy")
    done = tern("logits", model, "--tokens", TOKENS, "--out", out, "--precision", "exact")
    assert done.returncode == 0, done.stderr
    return np.load(out)


def write_model(folder, size, family="llama"):
    made = json.loads((TESTS / "models/tiny" / f"{family}.json").read_text())
    old = made["config"]["vocab_size"]
    (folder / "config.json").write_text(json.dumps(made["config"] | {"vocab_size": size}))
    shapes = {name: [size if n == old else n for n in shape] for name, shape in made["tensors"].items()}
    write_safetensors(folder / "model.safetensors", shapes, made["seed"])
    return {name: values(name, shape, made["seed"]) for name, shape in shapes.items()}


def write_tokenizer(name, folder):
    """Returns the number of tokens."""
    (folder / "tokenizer_config.json").write_text(json.dumps(SETTINGS))
    if name in SENTENCE_PIECE_ZOO:
        SENTENCE_PIECE_ZOO[name](corpus(), str(folder))
        return 900
    made = json.loads(ZOO[name](corpus()).to_str()) | {"truncation": None, "padding": None}
    (folder / "tokenizer.json").write_text(json.dumps(made))
    return max([len(made["model"]["vocab"])] + [token["id"] + 1 for token in made["added_tokens"]])


def keys_of(path):
    return {name: field.contents() for name, field in GGUFReader(path).fields.items() if name.startswith("tokenizer.")}


def wrong_keys(keys, kind, rows):
    wanted = {"tokenizer.ggml.model": KINDS[kind][0], "tokenizer.ggml.pre": KINDS[kind][1],
              "tokenizer.chat_template": "{{ messages }}", "tokenizer.chat_template.tool_use": "{{ tools }}",
              "tokenizer.chat_templates": ["tool_use"]}
    wrong = [name for name, value in wanted.items() if keys.get(name) != value]
    tokens, types = keys["tokenizer.ggml.tokens"], keys["tokenizer.ggml.token_type"]
    if len(tokens) != rows or len(types) != rows or tokens[-1] != f"[PAD{rows - 1}]" or types[-1] != 5:
        wrong.append("padding")
    if ("tokenizer.ggml.merges" in keys) != (KINDS[kind][0] == "gpt2"):
        wrong.append("merges")
    if ("tokenizer.ggml.scores" in keys) != (KINDS[kind][0] in ("llama", "t5")):
        wrong.append("scores")
    return wrong


def comes_back(gguf, folder, texts):
    """How many texts have other ids in Hugging Face's tokenizers, by the folder that the GGUF file becomes."""
    done = tern("convert", gguf, folder, "--to", "safetensors")
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "tokenizer_config.json").read_text())["chat_template"] == SETTINGS["chat_template"][0]["template"]
    # What stands behind a special token begins with a space there or not; here the texts matter.
    texts = [text for text in texts if "<" not in text]
    theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return sum(theirs.encode(text).ids != mine for text, mine in zip(texts, ids(gguf, texts, "--parse-special")))


def check_kind(kind, texts, root):
    folder = root / kind
    folder.mkdir()
    rows = write_tokenizer(kind, folder) + EXTRA_ROWS
    write_model(folder, rows, "bert" if kind.startswith("bert") else "llama")
    gguf = root / f"{kind}.gguf"
    done = tern("convert", folder, gguf)
    if done.returncode != 0 or done.stderr:
        print(f"FAIL {kind}: {done.stderr.strip()}")
        return False
    # GGUF's reading puts a space behind special tokens too, where this normalizer of Hugging Face does not.
    ways = [[], ["--no-bos"]] + ([["--parse-special"]] if kind != "llama-2" else [])
    other = sum(a != b for flags in ways for a, b in zip(ids(folder, texts, *flags), ids(gguf, texts, *flags)))
    wrong = wrong_keys(keys_of(gguf), kind, rows)
    same = np.array_equal(logits(folder), logits(gguf))
    back = comes_back(gguf, root / f"{kind}-back", texts) if KINDS[kind][0] in ("gpt2", "llama") and kind != "falcon" else 0
    good = other == 0 and not wrong and same and back == 0
    print(f"{'ok  ' if good else 'FAIL'} {kind}: {other} texts with other ids, {back} back in a folder, wrong keys: {wrong}, logits "
          f"{'the same' if same else 'DIFFER'}", flush=True)
    return good


def check_refusals(root):
    """A way to cut that has no name: refused by one line, written under a name that is given, or without."""
    folder = root / "odd"
    folder.mkdir()
    write_model(folder, write_tokenizer("gpt-2", folder))
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    by_pairs = {"type": "Split", "pattern": {"Regex": "..?"}, "behavior": "Isolated", "invert": False}
    tokenizer["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [by_pairs, {
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    refused = tern("convert", folder, root / "odd.gguf")
    without = tern("convert", folder, root / "odd.gguf", "--no-tokenizer")
    bare = keys_of(root / "odd.gguf")["tokenizer.ggml.model"]
    named = tern("convert", folder, root / "odd.gguf", "--pre", "by-pairs")
    small = root / "small"
    small.mkdir()
    write_model(small, write_tokenizer("gpt-2", small) - 3)
    crowded = tern("convert", small, root / "small.gguf")
    good = (refused.returncode == 1 and "pre_tokenizer: cuts text as none of the names" in refused.stderr
            and len(refused.stderr.splitlines()) == 1 and without.returncode == 0 and bare == "none"
            and named.returncode == 1 and '"by-pairs"' in named.stderr
            and crowded.returncode == 1 and "tokens, expected at most" in crowded.stderr)
    print(f"{'ok  ' if good else 'FAIL'} refusals")
    return good


def read_safetensors(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    assert header.pop("__metadata__") == {"format": "pt"}
    return {name: (entry["dtype"], entry["shape"], data[8 + size + entry["data_offsets"][0] : 8 + size + entry["data_offsets"][1]])
            for name, entry in header.items()}


def rounded(array, dtype):
    if dtype == "F16":
        return array.astype(np.float16).tobytes()
    if dtype == "F32":
        return array.tobytes()
    bits = array.view(np.uint32).astype(np.uint64)  # bf16: to nearest, ties to even
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16).tobytes()


def check_safetensors(root):
    folder = root / "plain"
    folder.mkdir()
    # Beyond a megabyte, so that there are shards.
    arrays = write_model(folder, 3000)
    write_tokenizer("gpt-2", folder)
    good = True
    for flag, dtype, config in ((None, "F32", None), ("f16", "F16", "float16"), ("bf16", "BF16", "bfloat16")):
        out = root / f"plain-{dtype}"
        done = tern("convert", folder, out, "--shard-mb", 1, *(["--dtype", flag] if flag else []))
        index = json.loads((out / "model.safetensors.index.json").read_text())
        shards = {name: read_safetensors(out / name) for name in set(index["weight_map"].values())}
        got = {name: shards[file][name] for name, file in index["weight_map"].items()}
        same = set(got) == set(arrays) and all(got[name] == (dtype, list(array.shape), rounded(array, dtype))
                                               for name, array in arrays.items())
        said = json.loads((out / "config.json").read_text())
        told = config is None or config in (said.get("dtype"), said.get("torch_dtype"))
        beside = all((out / name).read_bytes() == (folder / name).read_bytes() for name in ("tokenizer.json", "tokenizer_config.json"))
        right = done.returncode == 0 and same and told and beside and len(shards) > 1 and (flag or np.array_equal(logits(out), logits(folder)))
        good &= bool(right)
        print(f"{'ok  ' if right else 'FAIL'} safetensors {dtype}: {len(shards)} shards, {len(got)} tensors", flush=True)
    (root / "beside.part").mkdir()
    (root / "beside.part/mine").write_text("")
    beside = tern("convert", folder, f"{root}/beside/")
    kept = (beside.returncode == 0 and (root / "beside/config.json").exists() and (root / "beside.part/mine").exists()
            and not (root / "beside.part1").exists())
    print(f"{'ok  ' if kept else 'FAIL'} safetensors: a folder OUT.part is nobody's business")
    there = tern("convert", folder, root / "plain-F32")
    gguf = tern("convert", root / "falcon.gguf", root / "from-gguf")  # whose tokenizer cuts bytes
    refused = (there.returncode == 1 and "is there already" in there.stderr and gguf.returncode == 1
               and "tokenizer.ggml.pre: falcon: cuts that tokenizer.json cannot say here" in gguf.stderr)
    print(f"{'ok  ' if refused else 'FAIL'} safetensors: what cannot be is refused")
    return good and refused and kept


def main():
    texts = list(nasty_strings(1, 300))
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        good = [check_kind(kind, texts, root) for kind in KINDS]
        good += [check_refusals(root), check_safetensors(root)]
    sys.exit(not all(good))


main()
