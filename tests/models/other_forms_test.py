#!/usr/bin/env python3
"""other_forms_test.py TERN: one checkpoint in the forms that different programs write, which must give the same bits.

Also in the folder of f32 that `tern convert` makes of the first. Experts in one tensor each or stacked, with gate and up in one; GPT-OSS's in MXFP4 or as the numbers that those mean. Gemma 3
as the text model of a larger one. T5's embedding under each of its names. Configs that leave out what the class has as its default (class_defaults.json).
Configs with null, which is another thing than no key: they must be read as the config that says what Transformers makes of them.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "reference"))
from tiny_weights import values, write_arrays  # noqa: E402

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)


def stack_experts(arrays, config):
    """mlp.experts.0.gate_proj.weight ... as mlp.experts.gate_up_proj [E, 2F, D] and mlp.experts.down_proj [E, D, F]."""
    out = {name: array for name, array in arrays.items() if ".experts." not in name}
    for layer in range(config["num_hidden_layers"]):
        stem = f"model.layers.{layer}.mlp.experts."
        parts = {part: [array for name, array in arrays.items() if name.startswith(stem) and f".{part}." in name]
                 for part in ("gate_proj", "up_proj", "down_proj")}
        if parts["gate_proj"]:
            out[stem + "gate_up_proj"] = np.concatenate([parts["gate_proj"], parts["up_proj"]], axis=1)
            out[stem + "down_proj"] = np.stack(parts["down_proj"])
    return out


def to_mxfp4(w):
    """[.., out, in] as blocks U8 [.., out, in / 32, 16] and scales U8 [.., out, in / 32], and the numbers they mean."""
    groups = w.reshape(*w.shape[:-1], -1, 32)
    exponent = np.floor(np.log2(np.abs(groups).max(axis=-1, keepdims=True) / 6 + 1e-30)) + 1
    codes = np.abs(groups[..., None] / np.exp2(exponent)[..., None] - E2M1).argmin(axis=-1).astype(np.uint8)
    meant = (E2M1[codes] * np.exp2(exponent)).astype(np.float32).reshape(w.shape)
    return codes[..., ::2] | codes[..., 1::2] << 4, (exponent[..., 0] + 127).astype(np.uint8), meant


def mxfp4_experts(arrays):
    """The experts in MXFP4, and as what that means in [in, out]."""
    packed, plain = {}, {}
    for name, array in arrays.items():
        packed[name] = plain[name] = array
        if name.endswith(("gate_up_proj", "down_proj")):
            blocks, scales, meant = to_mxfp4(array.swapaxes(-1, -2))
            del packed[name]
            packed |= {name + "_blocks": blocks, name + "_scales": scales}
            plain[name] = np.ascontiguousarray(meant.swapaxes(-1, -2))
    return packed, plain


def converted(tern, folder):
    """What the folder of f32 computes that `tern convert` makes of one."""
    out = folder.with_name(folder.name + "-f32")
    subprocess.run([tern, "convert", folder, out, "--dtype", "f32"], check=True, capture_output=True, timeout=60)
    return run(tern, out)


def logits(tern, folder, config, arrays):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    write_arrays(folder / "model.safetensors", arrays)
    return run(tern, folder)


def run(tern, folder):
    config = json.loads((folder / "config.json").read_text())
    is_t5 = config.get("is_encoder_decoder") and "EncoderModel" not in config["architectures"][0]
    source = ["--source", "9,3,200,77,5"] if is_t5 else []
    command = [tern, "logits", folder, "--tokens", "5,200,31,7,7,90,111,4,63,180,2,19", "--out", folder / "out.npy",
               "--precision", "exact", *source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return np.load(folder / "out.npy")


def same(tern, name, two_forms):
    made = json.loads((HERE / "tiny" / f"{name}.json").read_text())
    arrays = {tensor: values(tensor, shape, made["seed"]) for tensor, shape in made["tensors"].items()}
    with tempfile.TemporaryDirectory() as root:
        got = [logits(tern, Path(root) / str(i), config, form)
               for i, (config, form) in enumerate(two_forms(arrays, made["config"]))]
        got.append(converted(tern, Path(root) / "0"))
    good = got[0].std() > 0 and np.array_equal(got[0], got[1]) and np.array_equal(got[0], got[2])
    print(f"{'ok  ' if good else 'FAIL'} {name}: max difference {np.abs(got[0] - got[1]).max():.1e}", flush=True)
    return good


def stacked(arrays, config):
    return [(config, arrays), (config, stack_experts(arrays, config))]


def mxfp4(arrays, config):
    packed, plain = mxfp4_experts(arrays)
    return [(config | {"quantization_config": {"quant_method": "mxfp4"}}, packed), (config, plain)]


def silent(defaults):
    """Configs without some keys, and with what the class takes for them."""
    def forms(arrays, config):
        return [({key: value for key, value in config.items() if key not in defaults}, arrays), (config | defaults, arrays)]
    return forms


def gemma3_of_a_larger(arrays, config):
    """As google/gemma-3-4b-it is published: a text_config with what differs from the class, a vision tower beside the text model."""
    config = config | {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256}
    resize = {"q_proj": 8 * 256, "k_proj": 4 * 256, "v_proj": 4 * 256}
    for name in list(arrays):
        part = name.split(".")[-2]
        shape = list(arrays[name].shape)
        if part in resize:
            shape[0] = resize[part]
        elif part == "o_proj":
            shape[1] = 8 * 256
        elif part in ("q_norm", "k_norm"):
            shape[0] = 256
        arrays[name] = values(name, shape, 1)
    plain = config | json.loads((HERE / "class_defaults.json").read_text())["gemma3"] | {"rope_parameters": {
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0}}}
    kept = ("hidden_size", "intermediate_size", "model_type", "num_hidden_layers", "sliding_window")
    text = {key: config[key] for key in kept} | {"rope_scaling": {"factor": 8.0, "rope_type": "linear"}}
    if "layer_types" in config:
        text["layer_types"] = config["layer_types"]
    nested = {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": text,
              "vision_config": {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}}
    moved = {"language_model." + name: array for name, array in arrays.items()}
    moved["vision_tower.vision_model.embeddings.patch_embedding.weight"] = np.zeros((32, 3, 2, 2), np.float32)
    moved["multi_modal_projector.mm_soft_emb_norm.weight"] = np.zeros(32, np.float32)
    return [(nested, moved), (plain, arrays)]


def t5_shared(arrays, config):
    """The embedding under all of its names, or under one of them; a tied head that lies in the file all the same."""
    table = arrays.pop("shared.weight")
    names = ("shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight")
    return [(config, arrays | {name: table for name in names}), (config, arrays | {"decoder.embed_tokens.weight": table})]


OUT = "left out"
# A key, as null or left out, and what Transformers' class (5.24) makes of it.
SILENT = [
    ("mistral", {"sliding_window": OUT}, {"sliding_window": 4096}),
    ("mistral", {"sliding_window": None}, {"sliding_window": 0}),
    ("mistral", {"num_attention_heads": 16, "head_dim": 24, "num_key_value_heads": OUT}, {"num_key_value_heads": 8}),
    ("qwen2", {"num_attention_heads": 64, "head_dim": 24, "num_key_value_heads": OUT}, {"num_key_value_heads": 32}),
    ("qwen2", {"num_attention_heads": 64, "head_dim": 24, "num_key_value_heads": None}, {"num_key_value_heads": 64}),
    ("qwen3", {"num_attention_heads": 64, "num_key_value_heads": OUT}, {"num_key_value_heads": 32}),
    ("qwen3moe", {"num_attention_heads": 64, "num_key_value_heads": OUT}, {"num_key_value_heads": 4}),
    ("smollm3", {"num_attention_heads": 8, "head_dim": 24, "num_key_value_heads": OUT}, {"num_key_value_heads": 4}),
    ("smollm3", {"num_attention_heads": 8, "head_dim": 24, "num_key_value_heads": None}, {"num_key_value_heads": 8}),
    ("glm4-no-bias-old-config", {"partial_rotary_factor": OUT}, {"partial_rotary_factor": 0.5}),
    ("glm4-no-bias-old-config", {"partial_rotary_factor": None}, {"partial_rotary_factor": 1.0}),
    ("gemma2", {"attn_logit_softcapping": OUT, "final_logit_softcapping": OUT},
     {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0}),
    ("gemma2", {"attn_logit_softcapping": None, "final_logit_softcapping": None},
     {"attn_logit_softcapping": 0, "final_logit_softcapping": 0}),
    ("deepseek-v3", {"norm_topk_prob": OUT}, {"norm_topk_prob": True}),
    ("deepseek-v3", {"norm_topk_prob": None}, {"norm_topk_prob": False}),
    ("deepseek-v3", {"q_lora_rank": OUT}, {"q_lora_rank": 1536}),
    ("falcon", {"parallel_attn": None}, {"parallel_attn": False}),
    ("falcon", {"multi_query": None}, {"multi_query": False}),
    ("llama-llama3", {"rope_parameters": None}, {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}),
    ("gpt-oss", {"rope_parameters": None}, {"rope_parameters": {
        "rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
        "original_max_position_embeddings": 4096, "rope_theta": 150000.0}}),
]


def metadata(tern, folder, config, made):
    """All that a graph is built from but tensors; their shapes do not matter here."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    name = next(name for name, shape in made["tensors"].items() if len(shape) == 1)
    write_arrays(folder / "model.safetensors", {name: np.zeros(made["tensors"][name], np.float32)})
    done = subprocess.run([tern, "inspect", folder, "--metadata", "--json"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["metadata"]
    # Where the absent is the same as what stands there.
    silent = {"attention.sliding_window": 0, "rope.scaling.yarn_beta_fast": 32.0, "rope.scaling.yarn_beta_slow": 1.0}
    heads = {"attention.head_count_kv": next(value for key, value in found.items() if key.endswith(".attention.head_count"))}
    arch = found["general.architecture"]
    return {f"{arch}.{key}": value for key, value in (silent | heads).items()} | found


def means(tern, name, changes, meant):
    made = json.loads((HERE / "tiny" / f"{name}.json").read_text())
    config = {key: value for key, value in (made["config"] | changes).items() if value != OUT}
    with tempfile.TemporaryDirectory() as root:
        a, b = (metadata(tern, Path(root) / str(i), c, made) for i, c in enumerate((config, config | meant)))
    found = {key: (a.get(key), b.get(key)) for key in a | b if a.get(key) != b.get(key) and "general." not in key}
    print(f"{'FAIL' if found else 'ok  '} {name} {json.dumps(changes)}: {found or 'as ' + json.dumps(meant)}", flush=True)
    return not found


def main():
    tern = Path(sys.argv[1]).resolve()
    cases = [("qwen2moe-dense-layers", stacked), ("qwen3moe", stacked), ("olmoe", stacked), ("gpt-oss", mxfp4),
             ("gemma3", gemma3_of_a_larger), ("t5", t5_shared)]
    cases += [(name, silent(defaults)) for name, defaults in json.loads((HERE / "class_defaults.json").read_text()).items()]
    good = [same(tern, name, form) for name, form in cases] + [means(tern, *case) for case in SILENT]
    sys.exit(not all(good))


main()
