#!/usr/bin/env python3
"""convert_for_llama_cpp.py TERN --llama-cpp DIR [--families] [--tokenizers] [--model FOLDER]... [--only NAME]

Does llama.cpp run what `tern convert` writes? DIR is a checkout of llama.cpp that is built (build/bin); without it, or
where it is not built, the script skips (exit code 77).

--families    every tiny checkpoint of tests/models/tiny, converted and run by llama.cpp, against Transformers' logits.
--tokenizers  every tokenizer of tests/text's zoos in the folder of a tiny model: ids of the folder, of Tern reading the
              converted file, and of llama.cpp reading it.
--model       a real model, folder or GGUF: 64 greedy tokens of llama.cpp, the logits of both (Tern in exact precision), and
              the ids of texts. With --dtype of the conversion. --original FILE: llama.cpp reads this GGUF, too, from which
              the folders were made, and its logits are compared with those of the converted file.

What llama.cpp cannot do or does otherwise (KNOWN) is no failure; anything else is.
"""
import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

TESTS = Path(__file__).resolve().parent.parent
sys.path += [str(TESTS / "reference"), str(TESTS / "text")]
from nasty_strings import nasty_strings  # noqa: E402
from tiny_weights import write_safetensors  # noqa: E402

TEXT = (TESTS / "models/text.txt").read_text()
PROMPTS = ["The capital of France is", "def fibonacci(n):\n    ", "Once upon a time, in 1997, there were 12345 small",
           "Q: What is 17 + 25?\nA:", "Der Regen fiel seit Tagen, und", "<ul>\n  <li>Apples</li>\n  <li>", "日本の首都は"]

# Tiny checkpoints that llama.cpp loads differently or not at all, also when its own script converts them.
KNOWN = {
    "it reads no attention window for these architectures": [
        "mistral", "mixtral-old-config", "qwen2-sliding", "qwen2-sliding-old-config", "qwen2moe-sliding-old-config", "phi3",
        "phi3-short", "starcoder2"],
    "which layers slide is fixed in its code": [
        "gemma2", "gemma2-no-caps", "gemma3", "gpt-oss", "gpt-oss-no-rope-old-config", "olmo3"],
    "it scales attention by the head's width": ["gpt2-hub", "mpt-clip"],
    "it knows no groups of experts without a bias": ["deepseek-v2"],
    "which distances it tells apart is fixed in its code": ["t5", "t5encoder-umt5"],
    "it does not scale what it gives a tied head": ["t5", "umt5"],
    "it takes mscale for mscale_all_dim": ["deepseek-v3-yarn"],
}


def build_probe(peer, folder):
    libraries = peer / "build" / "bin"
    command = ["g++", "-std=c++20", "-O1", Path(__file__).parent / "llama_cpp_probe.cc", "-o", folder / "probe",
               f"-I{peer}/include", f"-I{peer}/ggml/include", f"-L{libraries}", "-lllama", "-lggml", "-lggml-base",
               f"-Wl,-rpath,{libraries}"]
    subprocess.run(command, check=True)
    return folder / "probe"


class Tools:
    def __init__(self, tern, probe):
        self.tern, self.probe = tern, probe

    def run_probe(self, model, command):
        done = subprocess.run([self.probe, model], input=command + "\n", capture_output=True, text=True, errors="replace")
        if done.returncode == 0:
            return done.stdout, ""
        errors = [line for line in done.stderr.splitlines() if "rror" in line or "GGML_ASSERT" in line]
        return None, (errors or done.stderr.splitlines() or ["no message"])[-1].split("error loading model: ")[-1]

    def convert(self, folder, out, *flags):
        done = subprocess.run([self.tern, "convert", folder, out, *flags], capture_output=True, text=True)
        return done.returncode == 0, done.stderr.strip().replace(f"{folder}/", "")

    def peer_logits(self, model, ids, source=()):
        out = Path(model).with_suffix(".f32")
        first = f"source {' '.join(map(str, source))}\n" if len(source) else ""
        answer, error = self.run_probe(model, f"{first}logits {out} {' '.join(map(str, ids))}")
        if answer is None:
            return None, error
        return np.fromfile(out, np.float32).reshape(len(ids), -1), ""

    def peer_greedy(self, model, ids, count):
        return [int(i) for i in self.run_probe(model, f"greedy {count} {' '.join(map(str, ids))}")[0].split()]

    def peer_ids(self, model, texts, whole):
        hexes = " ".join(text.encode().hex() or "-" for text in texts)
        answer, error = self.run_probe(model, f"tokenize {int(whole)} {hexes}")
        return error if answer is None else [[int(i) for i in line.split()] for line in answer.split("\n")[:-1]]

    def ids(self, model, texts, whole):
        lines = "".join(json.dumps(text) + "\n" for text in texts)
        flags = [] if whole else ["--no-bos"]
        done = subprocess.run([self.tern, "tokenize", model, "--jsonl", *flags], input=lines, capture_output=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else done.stderr.strip()

    def logits(self, model, ids):
        out = Path(model).with_suffix(".npy")
        subprocess.run([self.tern, "logits", model, "--tokens", ",".join(map(str, ids)), "--out", out, "--precision", "exact"],
                       check=True, capture_output=True)
        return np.load(out)


def worst(got, want):
    return float(np.abs(got - want).max() / want.std()) if got.shape == want.shape else np.inf


# llama.cpp looks GELU up in a table of f16.
def limit_for(config):
    keys = ("hidden_activation", "hidden_act", "activation_function", "activation", "feed_forward_proj", "model_type")
    return 5e-3 if any(word in str(config.get(key)) for key in keys for word in ("gelu", "bloom", "mpt", "falcon")) else 1e-3


def check_family(tools, name):
    made = json.loads((TESTS / "models/tiny" / f"{name}.json").read_text())
    reference = np.load(TESTS / "models/tiny" / f"{name}.npz")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "config.json").write_text(json.dumps(made["config"]))
        write_safetensors(folder / "model.safetensors", made["tensors"], made["seed"])
        good, message = tools.convert(folder, folder / "x.gguf", "--dtype", "f32")
        if not good:
            return f"not converted: {message}"
        source = reference["source"].tolist() if "source" in reference.files else ()
        got, error = tools.peer_logits(folder / "x.gguf", reference["tokens"].tolist(), source)
    if got is None:
        return f"not loaded: {error}"
    difference, limit = worst(got, reference["logits"]), limit_for(made["config"])
    return f"{'agrees' if difference <= limit else 'DIFFERS'}: {difference:.1e} of std (limit {limit:.0e})"


def check_families(tools, only):
    counts, failed = {}, 0
    for name in [only] if only else sorted(path.stem for path in (TESTS / "models/tiny").glob("*.json")):
        said = check_family(tools, name)
        reason = next((reason for reason, names in KNOWN.items() if name in names), "")
        kind = said.split(":")[0]
        counts[kind] = counts.get(kind, 0) + 1
        failed += kind in ("DIFFERS", "not converted") and not reason
        print(f"{name:32} {said}{f'  [{reason}]' if reason and kind != 'agrees' else ''}", flush=True)
    print("families:", counts)
    return failed


def corpus():
    lines = [line for line in TEXT.splitlines() if line] + list(nasty_strings(99, 400))
    random.Random(7).shuffle(lines)
    return lines


def write_tokenizer(name, folder):
    """Returns the size of the vocabulary and whether it is BERT's."""
    from sentence_piece_zoo import SENTENCE_PIECE_ZOO
    from tokenizer_zoo import ZOO

    if name in SENTENCE_PIECE_ZOO:
        SENTENCE_PIECE_ZOO[name](corpus(), folder)
        return 900, False
    made = json.loads(ZOO[name](corpus()).to_str()) | {"truncation": None, "padding": None}
    (Path(folder) / "tokenizer.json").write_text(json.dumps(made))
    most = max([len(made["model"]["vocab"])] + [token["id"] + 1 for token in made["added_tokens"]])
    return most, made["model"].get("type") == "WordPiece"


def compare_ids(tools, folder, model, texts):
    """How many texts have other ids: in Tern by the converted file, in llama.cpp; each without and with what stands around."""
    said, wrong = [], 0
    for whole in (False, True):
        want, got, peer = tools.ids(folder, texts, whole), tools.ids(model, texts, whole), tools.peer_ids(model, texts, whole)
        if isinstance(got, str):
            return got, len(texts)
        ours = sum(a != b for a, b in zip(want, got))
        theirs = sum(a != b for a, b in zip(want, peer)) if isinstance(peer, list) else peer
        said.append(f"{'whole' if whole else 'plain'}: Tern {ours}, llama.cpp {theirs}")
        wrong += 0 if whole else ours
    return "; ".join(said), wrong


def check_tokenizer(tools, name, texts):
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        size, is_bert = write_tokenizer(name, temporary)
        made = json.loads((TESTS / "models/tiny" / f"{'bert' if is_bert else 'llama'}.json").read_text())
        old, new = made["config"]["vocab_size"], size + 7
        (folder / "config.json").write_text(json.dumps(made["config"] | {"vocab_size": new}))
        shapes = {name: [new if n == old else n for n in shape] for name, shape in made["tensors"].items()}
        write_safetensors(folder / "model.safetensors", shapes, 1)
        good, message = tools.convert(folder, folder / "x.gguf")
        if not good:
            return f"refused: {message}", 0
        said, wrong = compare_ids(tools, folder, folder / "x.gguf", texts)
    # What the conversion warned of is no failure.
    return f"{said}{'  [' + message + ']' if message else ''}", 0 if message else wrong


def check_tokenizers(tools, only):
    from sentence_piece_zoo import SENTENCE_PIECE_ZOO
    from tokenizer_zoo import ZOO

    texts, failed = list(nasty_strings(1, 600)), 0
    for name in [only] if only else list(ZOO) + list(SENTENCE_PIECE_ZOO):
        said, wrong = check_tokenizer(tools, name, texts)
        bad = wrong > len(texts) / 100  # words of GGUF that mean two things: a piece "##\u2581x" is one that begins a word
        failed += bad
        print(f"{'FAIL' if bad else 'ok  '} {name:30} {said[:240]}", flush=True)
    return failed


def check_model(tools, folder, args):
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        model = Path(temporary) / "x.gguf"
        good, message = tools.convert(folder, model, *(["--dtype", args.dtype] if args.dtype else []))
        print(f"{folder} {args.dtype or 'as it is'}: {message or 'converted'}", flush=True)
        if not good:
            return 1
        for prompt in PROMPTS[: args.prompts]:
            ids = tools.ids(model, [prompt], True)[0]
            made = tools.peer_greedy(model, ids, 64)
            ours, theirs = tools.logits(model, ids + made[:-1]), tools.peer_logits(model, ids + made[:-1])[0]
            said, good = compare_greedy(ours[len(ids) - 1 :], theirs[len(ids) - 1 :], made)
            kld = mean_kld(ours, theirs)
            failed += not good or kld > 1e-3
            print(f"  {'ok  ' if good else 'FAIL'} {prompt[:28]!r}: 64 greedy tokens {said}, KLD {kld:.1e}, max difference "
                  f"{worst(theirs, ours):.1e} of std{compare_original(tools, args.original, ids, made, theirs)}", flush=True)
        texts = [line for line in TEXT.splitlines() if line][:400] + list(nasty_strings(1, 400))
        said, wrong = compare_ids(tools, folder, model, texts)
        print(f"  {'FAIL' if wrong else 'ok  '} ids of {len(texts)} texts that differ: {said}", flush=True)
    return failed + (wrong > 0)


def compare_original(tools, original, ids, made, theirs):
    """How llama.cpp does with the file that was there first: it rounds activations for quantized weights, so not the same."""
    if original is None:
        return ""
    with tempfile.TemporaryDirectory() as temporary:  # the logits are written beside the model
        link = Path(temporary) / "original.gguf"
        link.symlink_to(original.resolve())
        first = tools.peer_logits(link, ids + made[:-1])[0]
        greedy = tools.peer_greedy(link, ids, len(made))
    same = next((i for i, pair in enumerate(zip(greedy, made)) if pair[0] != pair[1]), len(made))
    return f"; llama.cpp on the original: {same} greedy tokens the same, KLD {mean_kld(first, theirs):.1e}"


def compare_greedy(ours, theirs, made):
    """llama.cpp rounds activations to the weights' format: where two tokens lie closer than that moves logits, either is right."""
    other = [i for i, token in enumerate(made) if int(ours[i].argmax()) != token]
    if not other:
        return "the same", True
    first = other[0]
    gap, noise = float(ours[first].max() - ours[first][made[first]]), float(np.abs(ours - theirs).max())
    return f"the same up to {first}, where two are {gap:.3f} apart (noise {noise:.3f})", gap <= 2 * noise


def mean_kld(a, b):
    def log_softmax(x):
        x = x.astype(np.float64) - x.max(1, keepdims=True)
        return x - np.log(np.exp(x).sum(1, keepdims=True))

    p, q = log_softmax(a), log_softmax(b)
    return float((np.exp(p) * (p - q)).sum(1).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tern", type=Path)
    parser.add_argument("--llama-cpp", type=Path, default=Path("llama.cpp"), metavar="DIR")
    parser.add_argument("--families", action="store_true")
    parser.add_argument("--tokenizers", action="store_true")
    parser.add_argument("--model", action="append", default=[], type=Path, metavar="FOLDER")
    parser.add_argument("--original", type=Path, metavar="FILE")
    parser.add_argument("--prompts", type=int, default=len(PROMPTS), metavar="N", help="of a model: only the first N")
    parser.add_argument("--dtype")
    parser.add_argument("--only")
    args = parser.parse_args()
    peer = args.llama_cpp.resolve()
    if not (peer / "build/bin/libllama.so").is_file():
        print(f"skipped: {peer}/build/bin/libllama.so: no such file, expected a checkout of llama.cpp that is built")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as temporary:
        tools = Tools(args.tern.resolve(), build_probe(peer, Path(temporary)))
        failed = check_families(tools, args.only) if args.families else 0
        failed += check_tokenizers(tools, args.only) if args.tokenizers else 0
        failed += sum(check_model(tools, folder, args) for folder in args.model)
    sys.exit(failed > 0)


main()
