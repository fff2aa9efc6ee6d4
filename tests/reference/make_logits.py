#!/usr/bin/env python3
"""make_logits.py MODEL.gguf OUT.npz [--prompts FILE]: what Hugging Face Transformers computes in fp32.

The GGUF's weights are dequantized with the `gguf` package, put under their Hugging Face names into the architecture of
Transformers, and run in fp32 (eager attention). Needs torch, transformers, gguf, numpy; only this script needs torch.

OUT.npz holds, per prompt i of tests/models/prompts.json (token ids): tokens_i, columns (the logits kept, a fixed
random choice of the vocabulary), and for the last ROWS positions logits_i float32 [rows, columns], std_i [rows] (of all
the row's logits), argmax_i [rows]; greedy_i [32] is the greedy continuation.
"""
import argparse
import json
import re
from pathlib import Path

import numpy as np
import torch
import transformers
from gguf import GGUFReader, dequantize

ROWS, COLUMNS, CONTINUATION = 64, 256, 32
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": {"llama": "post_attention_layernorm", "gemma3": "pre_feedforward_layernorm"},
    "post_ffw_norm": "post_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def metadata(reader):
    return {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer.ggml.")}


def config(meta, vocabulary):
    arch = meta["general.architecture"]
    get = lambda key, default=None: meta.get(f"{arch}.{key}", default)
    heads, width = get("attention.head_count"), get("embedding_length")
    common = dict(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=get("feed_forward_length"),
        num_hidden_layers=get("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=get("attention.head_count_kv", heads),
        head_dim=get("attention.key_length", width // heads),
        max_position_embeddings=get("context_length"),
        rms_norm_eps=get("attention.layer_norm_rms_epsilon"),
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    base = get("rope.freq_base", 10000.0)
    if arch == "llama":
        return transformers.LlamaForCausalLM, transformers.LlamaConfig(
            rope_parameters={"rope_type": "default", "rope_theta": base}, **common)
    if arch == "gemma3":
        return transformers.Gemma3ForCausalLM, transformers.Gemma3TextConfig(
            sliding_window=get("attention.sliding_window"),
            query_pre_attn_scalar=common["head_dim"],
            rope_parameters={
                "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
                "full_attention": {"rope_type": "default", "rope_theta": base},
            },
            **common)
    raise SystemExit(f"{arch}: no mapping to Transformers yet")


def unpermute(weight, heads):
    """GGUF interleaves the two halves of every head's rows in Llama's q and k; Transformers keeps them apart."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def state_dict(reader, meta):
    arch, state = meta["general.architecture"], {}
    heads = meta[f"{arch}.attention.head_count"]
    kv_heads = meta.get(f"{arch}.attention.head_count_kv", heads)
    for tensor in reader.tensors:
        weight = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        weight = weight.reshape([int(n) for n in reversed(tensor.shape)])
        match = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", tensor.name)
        if match:
            part = LAYER_NAMES[match[2]]
            part = part[arch] if isinstance(part, dict) else part
            if arch == "llama" and match[2] in ("attn_q", "attn_k"):
                weight = unpermute(weight, heads if match[2] == "attn_q" else kv_heads)
            name = f"model.layers.{match[1]}.{part}.weight"
        else:
            name = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight",
                    "output.weight": "lm_head.weight"}[tensor.name]
        if arch == "gemma3" and name.endswith("norm.weight"):
            weight = weight - 1  # Transformers adds the one that GGUF has already added
        state[name] = torch.from_numpy(np.ascontiguousarray(weight))
    state.setdefault("lm_head.weight", state["model.embed_tokens.weight"])
    return state


def load(path):
    reader = GGUFReader(path)
    meta = metadata(reader)
    state = state_dict(reader, meta)
    cls, cfg = config(meta, state["model.embed_tokens.weight"].shape[0])
    with torch.device("meta"):
        model = cls(cfg)
    model = model.to_empty(device="cpu")
    missing, unexpected = model.load_state_dict(state, strict=False, assign=True)
    assert not missing and not unexpected, (missing, unexpected)
    # Rotary buffers are not part of a checkpoint: make them anew.
    for module in model.modules():
        if hasattr(module, "rope_type") or "RotaryEmbedding" in type(module).__name__:
            module.__init__(cfg)
    if hasattr(model.model.embed_tokens, "embed_scale"):
        model.model.embed_tokens.embed_scale = torch.tensor(cfg.hidden_size**0.5)
    return model.float().eval()


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--prompts", default=Path(__file__).parent.parent / "models" / "prompts.json")
    args = parser.parse_args()
    model = load(args.model)
    vocabulary = model.config.vocab_size
    columns = np.sort(np.random.default_rng(0).choice(vocabulary, COLUMNS, replace=False)).astype(np.int32)
    out = {"columns": columns}
    for i, prompt in enumerate(json.loads(Path(args.prompts).read_text())[Path(args.out).stem]):
        tokens = torch.tensor([prompt])
        logits = model(tokens).logits[0, -ROWS:].numpy()
        greedy = []
        for _ in range(CONTINUATION):
            step = model(tokens).logits[0, -1]
            greedy.append(int(step.argmax()))
            tokens = torch.cat([tokens, torch.tensor([[greedy[-1]]])], dim=1)
        out |= {f"tokens_{i}": np.array(prompt, np.int32), f"logits_{i}": logits[:, columns].astype(np.float32),
                f"std_{i}": logits.std(axis=1), f"argmax_{i}": logits.argmax(axis=1).astype(np.int32),
                f"greedy_{i}": np.array(greedy, np.int32)}
        print(f"prompt {i}: {len(prompt)} tokens, continuation {greedy[:8]} ...")
    np.savez_compressed(args.out, **out)


main()
