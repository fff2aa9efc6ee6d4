#!/usr/bin/env python3
"""refused_configs_test.py TERN: config values that change what a model computes, and that Tern does not know.

Each case is a tiny checkpoint of tiny/ with some keys of its config.json changed. Tern must not run it, and say which
value it does not know: otherwise the answers would merely be wrong.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "reference"))
from tiny_weights import write_safetensors  # noqa: E402

CASES = [
    ("qwen2", {"hidden_act": "quick_gelu"}, 'config.json: hidden_act: "quick_gelu", supported: silu swish gelu'),
    ("gemma3", {"hidden_activation": "gelu"}, 'config.json: hidden_activation: "gelu", supported: gelu_pytorch_tanh'),
    ("qwen2-sliding", {"layer_types": ["full_attention", "chunked_attention", "full_attention"]},
     'config.json: layer_types: "chunked_attention", supported: full_attention, sliding_attention'),
    ("qwen2-sliding", {"layer_types": ["sliding_attention"]},
     "qwen2.attention.sliding_window_pattern: 1 entries, expected 3"),
    ("olmoe", {"clip_qkv": 8.0}, "config.json: clip_qkv: supported: null"),
    ("deepseek-v2", {"topk_method": "noaux_tc"},
     'config.json: topk_method: "noaux_tc", supported: greedy group_limited_greedy'),
    ("deepseek-v2", {"scoring_func": "sigmoid"}, 'config.json: scoring_func: "sigmoid", supported: softmax'),
    ("deepseek-v2", {"n_group": 4}, "attribute groups: 4, expected a divisor of 6 experts"),
    ("deepseek-v3", {"scoring_func": "softmax"}, 'config.json: scoring_func: "softmax", supported: sigmoid'),
    ("deepseek-v3", {"topk_method": "greedy"}, 'config.json: topk_method: "greedy", supported: noaux_tc'),
    ("deepseek-v3", {"rope_interleave": False}, "config.json: rope_interleave: false, supported: true"),
    ("deepseek-v3", {"topk_group": 1}, "expert_used_count: 3, expected at most the experts of 1 groups of 2"),
    ("deepseek-v3", {"v_head_dim": 100}, "model.layers.0.self_attn.kv_b_proj.weight"),
    ("deepseek-v3", {"n_shared_experts": 2}, "blk.1.ffn_gate_shexp.weight: shape [36, 96], expected [72, 96]"),
    ("gpt-oss", {"num_local_experts": 4}, "blk.0.ffn_gate_inp.weight: shape [5, 96], expected [4, 96]"),
    ("qwen3moe", {"num_experts_per_tok": 12}, "qwen3moe.expert_used_count: 12, expected 1 to 9"),
    ("gemma", {"use_bidirectional_attention": True}, "config.json: use_bidirectional_attention: true, supported: false"),
    ("gpt2", {"scale_attn_by_inverse_layer_idx": True},
     "config.json: scale_attn_by_inverse_layer_idx: true, supported: false"),
    ("gpt2", {"n_positions": 32}, "position_embd.weight: shape [64, 96], expected [32, 96]"),
    ("bloom", {"apply_residual_connection_post_layernorm": True},
     "config.json: apply_residual_connection_post_layernorm: true, supported: false"),
    ("mpt", {"attn_config": {"alibi": False}}, "config.json: attn_config.alibi: false, supported: true"),
    ("mpt", {"logit_scale": "inv_sqrt_d_model"}, "config.json: logit_scale: supported: null"),
    ("falcon-40b", {"num_kv_heads": 3}, "query_key_value.weight: the config's sizes leave no rows of 160"),
    ("chatglm-own-code", {"rmsnorm": False}, "config.json: rmsnorm: false, supported: true"),
    ("qwen2", {"head_dim": 2147483647}, "config.json: head_dim: 2147483647, of which"),
    ("gptneox", {"rotary_pct": 1.2}, "gptneox.rope.dimension_count: 38, expected at most the 32 channels of a head"),
]


def error_of(tern, name, changes):
    made = json.loads((HERE / "tiny" / f"{name}.json").read_text())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "config.json").write_text(json.dumps(made["config"] | changes))
        write_safetensors(folder / "model.safetensors", made["tensors"], made["seed"])
        (folder / "tokens.json").write_text("[1, 2]")
        command = [tern, "logits", folder, "--tokens-file", folder / "tokens.json", "--out", folder / "out.npy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return "" if done.returncode == 0 else done.stderr.strip()


def main():
    tern, failed = Path(sys.argv[1]).resolve(), 0
    for name, changes, want in CASES:
        got = error_of(tern, name, changes)
        good = want in got and "\n" not in got
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {name} {json.dumps(changes)}: {got or 'runs'}", flush=True)
    sys.exit(failed > 0)


main()
