#!/usr/bin/env python3
"""folder_from_gguf_test.py TERN [NAME...]: Hugging Face folders that `tern convert` makes of GGUF files.

A tiny checkpoint of tiny/ becomes GGUF and a folder again. That must hold the checkpoint's tensors with their names, shapes and very
numbers (norms that GGUF stores plus one may have lost a bit), and compute the same as the GGUF file. Where Transformers is installed, it loads the
folder and must give Tern's exact logits, to 1e-3 of their standard deviation (2e-4 with GELU).
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "reference"))
from tiny_weights import values, write_safetensors  # noqa: E402

try:
    import torch
    import transformers
except ImportError:
    transformers = None

NAMES = ("llama", "llama-biases", "llama-linear", "llama-dynamic", "llama-yarn", "llama-llama3", "mistral", "mixtral", "mixtral-old-config",
         "qwen2", "qwen2-sliding", "qwen3", "qwen3-old-config", "qwen3moe", "qwen3moe-dense-layers", "gemma", "gemma2", "gemma2-no-caps", "gemma3", "phi3")
REFUSED = {"gpt-oss": "general.architecture: gpt-oss, supported as a Hugging Face folder: llama qwen2",
           "qwen2moe": "general.architecture: qwen2moe, supported"}
TOKENS = [(i * 37 + 5) % 211 for i in range(24)]


def tern_run(tern, *command):
    done = subprocess.run([tern, *command], capture_output=True, text=True, timeout=120)
    return done.stderr.strip() if done.returncode else ""


def logits(tern, model, out):
    error = tern_run(tern, "logits", model, "--tokens", ",".join(map(str, TOKENS)), "--out", out, "--precision", "exact")
    assert not error, error
    return np.load(out).astype(np.float64)


def tensors(path):
    data = path.read_bytes()
    size = 8 + int.from_bytes(data[:8], "little")
    return {name: np.frombuffer(data[size + entry["data_offsets"][0]:size + entry["data_offsets"][1]], np.float32).reshape(entry["shape"])
            for name, entry in json.loads(data[8:size]).items() if name != "__metadata__"}


def by_transformers(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        return model(torch.tensor([TOKENS])).logits[0].numpy().astype(np.float64)


def problems(tern, made, root):
    source, gguf, folder = root / "source", root / "model.gguf", root / "folder"
    source.mkdir()
    (source / "config.json").write_text(json.dumps(made["config"]))
    write_safetensors(source / "model.safetensors", made["tensors"], made["seed"])
    error = tern_run(tern, "convert", source, gguf) or tern_run(tern, "convert", gguf, folder, "--to", "safetensors")
    if error:
        return error
    got = tensors(folder / "model.safetensors")
    want = {name: values(name, shape, made["seed"]) for name, shape in made["tensors"].items()}
    if got.keys() != want.keys():
        return f"names {sorted(got.keys() ^ want.keys())[:4]}"
    for name, array in want.items():
        if got[name].shape != array.shape or np.abs(got[name] - array).max() > (2e-7 if "norm" in name else 0):
            return f"{name} is another"
    ours = logits(tern, folder, root / "out.npy")
    if np.abs(ours - logits(tern, gguf, root / "out.npy")).max() > 1e-5 * ours.std():
        return "other logits than those of the GGUF file"
    if transformers is None:
        return ""
    worst = np.abs(by_transformers(folder) - ours).max() / ours.std()
    return "" if worst <= (2e-4 if "gemma" in made["config"]["model_type"] else 1e-3) else f"Transformers: {worst:.1e} of std"


def main():
    tern, failed = Path(sys.argv[1]).resolve(), 0
    for name in sys.argv[2:] or (*NAMES, *REFUSED):
        made = json.loads((HERE / "tiny" / f"{name}.json").read_text())
        with tempfile.TemporaryDirectory() as root:
            found = problems(tern, made, Path(root))
            left = (Path(root) / "folder").exists() or (Path(root) / "folder.part").exists()
        good = not found if name in NAMES else REFUSED[name] in found and not left and "\n" not in found
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {name}: {found or 'the same'}", flush=True)
    sys.exit(failed > 0)


main()
