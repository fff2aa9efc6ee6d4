#!/usr/bin/env python3
"""families_test.py TERN [NAME... | FOLDER...]: tiny random checkpoints against Transformers in fp32.

For each family of tiny/ the very checkpoint that the reference was made from is written (tests/reference/tiny_weights.py)
and run in exact precision: the prompt in one step (prefill), token by token (decode through the KV cache), and both once
more from the GGUF file that `tern convert` makes of it (an encoder-decoder reads its source first); in a batch with
strangers (mixed_batch.cc) its bits must be the same, of the folder and of the file.
Demands max |difference| <= 1e-3 of the logits' standard deviation, 2e-4 where the activation is a GELU. A FOLDER holds a
checkpoint with reference.npz (tests/reference/make_tiny_models.py --try).
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "reference"))
from tiny_weights import write_safetensors  # noqa: E402


ALWAYS_GELU = ("bloom", "mpt")  # their configs name no activation


def limit_for(config):
    config = config.get("text_config", config)
    keys = ("hidden_activation", "hidden_act", "activation_function", "activation", "feed_forward_proj")
    activation = next((config[key] for key in keys if config.get(key)), "")
    return 2e-4 if "gelu" in str(activation) or config.get("model_type") in ALWAYS_GELU else 1e-3


def run(tern, folder, reference, chunk, model):
    out = folder / "out.npy"
    (folder / "tokens.json").write_text(json.dumps(reference["tokens"].tolist()))
    command = [tern, "logits", model, "--tokens-file", folder / "tokens.json", "--out", out, "--precision", "exact",
               "--chunk", str(chunk)]
    if "source" in reference.files:
        command += ["--source", ids(reference["source"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return (np.load(out), "") if done.returncode == 0 else (None, done.stderr.strip())


def ids(tokens):
    return ",".join(str(t) for t in tokens)


def same_in_a_batch(tern, model, reference):
    command = [tern.parent / "mixed_batch", model, ids(reference["tokens"])]
    if "source" in reference.files:
        command.append(ids(reference["source"]))
    return subprocess.run(command, timeout=120).returncode == 0


def check(tern, name, folder, reference, config):
    limit, want, worst = limit_for(config), reference["logits"], {}
    encoder, gguf = "is_encoder" in reference.files, folder / "converted.gguf"
    done = subprocess.run([tern, "convert", folder, gguf], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        print(f"FAIL {name}: {done.stderr.strip()}", flush=True)
        return False
    chunks = {"prefill": 0} if encoder else {"prefill": 0, "decode": 1}
    for form, model in {"": folder, "GGUF ": gguf}.items():
        for way, chunk in chunks.items():
            got, error = run(tern, folder, reference, chunk, model)
            if got is None:
                print(f"FAIL {name}: {form}{way}: {error}", flush=True)
                return False
            worst[form + way] = float(np.abs(got - want).max() / want.std()) if got.shape == want.shape else np.inf
    same = encoder or all(same_in_a_batch(tern, model, reference) for model in (folder, gguf))
    good = all(w <= limit for w in worst.values()) and same  # NaN fails
    print(f"{'ok  ' if good else 'FAIL'} {name}: max difference "
          f"{', '.join(f'{way} {w:.1e}' for way, w in worst.items())} of std (limit {limit:.0e})"
          f"{'' if encoder else ', mixed batch: same bits' if same else ', mixed batch: OTHER BITS'}", flush=True)
    return good


def main():
    tern, names = Path(sys.argv[1]).resolve(), sys.argv[2:]
    failed = 0
    for name in names or sorted(path.stem for path in (HERE / "tiny").glob("*.json")):
        if Path(name).is_dir():
            folder = Path(name)
            config = json.loads((folder / "config.json").read_text())
            failed += not check(tern, name, folder, np.load(folder / "reference.npz"), config)
            continue
        made = json.loads((HERE / "tiny" / f"{name}.json").read_text())
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "config.json").write_text(json.dumps(made["config"]))
            write_safetensors(folder / "model.safetensors", made["tensors"], made["seed"])
            failed += not check(tern, name, folder, np.load(HERE / "tiny" / f"{name}.npz"), made["config"])
    sys.exit(failed > 0)


main()
