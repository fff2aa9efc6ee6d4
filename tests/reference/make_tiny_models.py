#!/usr/bin/env python3
"""make_tiny_models.py [NAME...]: a tiny random checkpoint per model family, and what Transformers computes with it.

Each family of tiny_families.py becomes tests/models/tiny/NAME.json (config.json, the tensors' names and shapes, the
seed of tiny_weights.py) and NAME.npz: tokens [T], and logits float32 [T, vocabulary] (of an encoder its last hidden
states [T, width]; of an encoder-decoder the tokens are an answer's, and source [S] is what it answers), computed by Transformers in fp32 with eager attention. Needs torch, transformers, safetensors.

    make_tiny_models.py --try FOLDER --class LlamaForCausalLM --seed 7 --set hidden_size=160 ...

writes a checkpoint of other sizes into FOLDER, with reference.npz and tokens.json beside it.
"""
import argparse
import ast
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save_file

from tiny_families import ANSWERERS, BASE, ENCODERS, FAMILIES
from tiny_rewrites import old_config
from tiny_weights import values, write_safetensors

OUT = Path(__file__).parent.parent / "models" / "tiny"


def make_folder(folder, class_name, settings, seed, rewrite=None):
    """Writes config.json and model.safetensors; returns {config, tensors, seed}.

    A setting of None takes a key of BASE away. `rewrite` gives the checkpoint another form (tiny_rewrites.py).
    """
    model_class = getattr(transformers, class_name)
    base = {key: value for key, value in BASE.items() if settings.get(key, value) is not None}
    config = model_class.config_class(**(base | {k: v for k, v in settings.items() if v is not None or k not in BASE}))
    model_class(config).save_pretrained(folder)
    with safe_open(folder / "model.safetensors", "np") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in sorted(file.keys())}
    config, to_hf = json.loads((folder / "config.json").read_text()), None
    if rewrite:
        config, shapes, to_hf = rewrite(config, shapes)
    if to_hf:
        tensors = to_hf({name: values(name, shape, seed) for name, shape in shapes.items()})
        save_file(tensors, folder / "model.safetensors")
    else:
        (folder / "config.json").write_text(json.dumps(config))
        write_safetensors(folder / "model.safetensors", shapes, seed)
    return {"config": config, "tensors": shapes, "seed": seed}


@torch.no_grad()
def reference(folder, class_name, tokens, source=None):
    model_class = getattr(transformers, class_name)
    attention = "sdpa" if class_name == "FalconForCausalLM" else "eager"  # whose eager form adds ALiBi twice
    model, info = model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention,
                                              experts_implementation="eager", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"], info
    ids = torch.tensor([tokens.tolist()])
    out = model.eval()(ids) if source is None else model.eval()(torch.tensor([source.tolist()]), decoder_input_ids=ids)
    result = out.logits if hasattr(out, "logits") else out.last_hidden_state
    return result[0].numpy().astype(np.float32)


def tokens_for(vocabulary, count, seed):
    return np.random.default_rng(seed).integers(3, vocabulary, count).astype(np.int32)


def arrays(folder, class_name, tokens, config, seed):
    """What the .npz file holds."""
    if class_name in {name for name, *_ in ANSWERERS.values()}:
        source = tokens_for(int(tokens.max()) + 1, len(tokens) - 3, seed + 1)
        tokens[0] = config.get("decoder_start_token_id") or 0
        return dict(tokens=tokens, source=source, logits=reference(folder, class_name, tokens, source))
    encoder = class_name in {name for name, *_ in ENCODERS.values()} or class_name.endswith("EncoderModel")
    kind = {"is_encoder": np.array(True)} if encoder else {}
    return dict(tokens=tokens, logits=reference(folder, class_name, tokens), **kind)


def try_sizes(args):
    args.folder.mkdir(parents=True, exist_ok=True)
    settings = {key: ast.literal_eval(value) for key, value in (item.split("=", 1) for item in args.set)}
    made = make_folder(args.folder, args.class_name, settings, args.seed, old_config if args.old_config else None)
    tokens = tokens_for(made["config"].get("vocab_size", BASE["vocab_size"]), args.tokens, args.seed)
    np.savez(args.folder / "reference.npz", **arrays(args.folder, args.class_name, tokens, made["config"], args.seed))
    (args.folder / "tokens.json").write_text(json.dumps(tokens.tolist()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--try", dest="folder", type=Path)
    parser.add_argument("--class", dest="class_name")
    parser.add_argument("--old-config", action="store_true", help="config.json with the keys of Transformers 4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    if args.folder:
        try:
            try_sizes(args)
        except Exception as error:  # the class's own, of any type: heads that do not divide the width, ...
            sys.exit(f"{args.class_name}: {str(error).splitlines()[-1].strip()}")
        return
    OUT.mkdir(exist_ok=True)
    for name in args.names or FAMILIES:
        class_name, settings, *rewrite = FAMILIES[name]
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            if name.endswith("-old-config"):
                rewrite = [old_config]
            made = make_folder(folder, class_name, settings, args.seed, *rewrite)
            tokens = tokens_for(BASE["vocab_size"], settings.get("tokens", args.tokens), args.seed)
            made_arrays = arrays(folder, class_name, tokens, made["config"], args.seed)
        (OUT / f"{name}.json").write_text(json.dumps(made, indent=1) + "\n")
        np.savez_compressed(OUT / f"{name}.npz", **made_arrays)
        logits = made_arrays["logits"]
        print(f"{name}: {len(made['tensors'])} tensors, logits {logits.shape}, std {logits.std():.2f}", file=sys.stderr)


main()
