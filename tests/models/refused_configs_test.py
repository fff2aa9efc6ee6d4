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

LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "original_max_position_embeddings": 64}


def modules(pooling, *more):
    """The files of sentence-transformers."""
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), *more]
    return {"modules.json": [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
                             for i, (path, kind) in enumerate(kinds)],
            "1_Pooling/config.json": {f"pooling_mode_{mode}": True for mode in pooling} | {"pooling_mode_max_tokens": "max" in pooling}}


def dense(changes):
    """A linear of 96 to 64 numbers behind pooling, but for `changes` in its config.json; `shapes`: its tensors'."""
    made = {"in_features": 96, "out_features": 64, "bias": True, "activation_function": "torch.nn.modules.activation.Tanh"} | changes
    shapes = made.pop("shapes", {"linear.weight": [64, 96], "linear.bias": [64]})
    made = {key: value for key, value in made.items() if value is not None}
    weights = {} if shapes is None else {"2_Dense/model.safetensors": shapes}
    return modules(["mean_tokens"], ("2_Dense", "Dense")) | {"2_Dense/config.json": made} | weights


MODES = "supported: one of pooling_mode_mean_tokens, pooling_mode_cls_token, pooling_mode_lasttoken"
CASES = [
    ("qwen2", {"hidden_act": "quick_gelu"}, 'config.json: hidden_act: "quick_gelu", supported: silu swish gelu'),
    ("gemma3", {"hidden_activation": "quick_gelu"}, 'config.json: hidden_activation: "quick_gelu", supported: silu swish gelu'),
    ("qwen2-sliding", {"layer_types": ["full_attention", "chunked_attention", "full_attention"]},
     'config.json: layer_types: "chunked_attention", supported: full_attention, sliding_attention'),
    ("qwen2-sliding", {"layer_types": ["sliding_attention"]},
     "qwen2.attention.sliding_window_pattern: 1 entries, expected 3"),
    # Layers that slide turn by angles of their own; files have no key for how these are scaled.
    *((name, {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e6},
                                  "sliding_attention": {key: "linear", "rope_theta": 1e4, "factor": 4.0}}},
       f'config.json: rope_parameters.sliding_attention.{key}: "linear", supported: default')
      for name, key in (("gemma3", "rope_type"), ("gemma3", "type"), ("olmo3", "rope_type"), ("modern-bert", "rope_type"))),
    ("deepseek-v2", {"topk_method": "noaux_tc"},
     'config.json: topk_method: "noaux_tc", supported: greedy group_limited_greedy'),
    ("deepseek-v2", {"scoring_func": "sigmoid"}, 'config.json: scoring_func: "sigmoid", supported: softmax'),
    ("deepseek-v2", {"n_group": 4}, "attribute groups: 4, expected a divisor of 6 experts"),
    ("deepseek-v3", {"scoring_func": "softmax"}, 'config.json: scoring_func: "softmax", supported: sigmoid'),
    ("deepseek-v3", {"topk_method": "greedy"}, 'config.json: topk_method: "greedy", supported: noaux_tc'),
    ("deepseek-v3", {"rope_interleave": False}, "config.json: rope_interleave: false, supported: true"),
    ("deepseek-v3", {"rope_interleave": None}, "config.json: rope_interleave: false, supported: true"),
    ("deepseek-v3", {"topk_group": 1}, "expert_used_count: 3, expected at most the experts of 1 groups of 2"),
    ("deepseek-v3", {"v_head_dim": 100}, "model.layers.0.self_attn.kv_b_proj.weight"),
    ("deepseek-v3", {"n_shared_experts": 2},
     "model.layers.1.mlp.shared_experts.gate_proj.weight (blk.1.ffn_gate_shexp.weight): shape [36, 96], expected [72, 96]"),
    ("gpt-oss", {"num_local_experts": 4},
     "model.layers.0.mlp.router.weight (blk.0.ffn_gate_inp.weight): shape [5, 96], expected [4, 96]"),
    ("qwen3moe", {"num_experts_per_tok": 12}, "qwen3moe.expert_used_count: 12, expected 1 to 9"),
    ("gemma", {"use_bidirectional_attention": True}, "config.json: use_bidirectional_attention: true, supported: false"),
    ("gemma3", {"use_bidirectional_attention": True}, "config.json: use_bidirectional_attention: true, supported: false"),
    ("gpt2", {"n_positions": 32}, "transformer.wpe.weight (position_embd.weight): shape [64, 96], expected [32, 96]"),
    ("bloom", {"apply_residual_connection_post_layernorm": True},
     "config.json: apply_residual_connection_post_layernorm: true, supported: false"),
    ("mpt", {"attn_config": {"alibi": False}}, "config.json: attn_config.alibi: false, supported: true"),
    ("mpt", {"logit_scale": "inv_sqrt_d_model"}, "config.json: logit_scale: supported: null"),
    ("falcon-40b", {"num_kv_heads": 3}, "query_key_value.weight: the config's sizes leave no rows of 160"),
    ("chatglm-own-code", {"rmsnorm": False}, "config.json: rmsnorm: false, supported: true"),
    ("t5", {"feed_forward_proj": "gated-swish"},
     'config.json: feed_forward_proj: "gated-swish", supported: relu gelu silu gated-gelu gated-relu gated-silu'),
    ("roberta", {"pad_token_id": 49}, "config.json: pad_token_id: 49, expected 0 to 48"),
    ("modern-bert", {"layer_types": None, "global_attn_every_n_layers": 0},
     "config.json: global_attn_every_n_layers: 0, expected 1 to 1048576"),
    ("t5", {"feed_forward_proj": "gated-gelu"},
     "encoder.block.0.layer.1.DenseReluDense.wi.weight (enc.blk.0.ffn_up.weight): shape [112, 96], expected [224, 96]"),
    ("t5v1.1", {"feed_forward_proj": "relu"},
     "decoder.block.0.layer.2.DenseReluDense.wi_0.weight (dec.blk.0.ffn_gate.weight): shape [112, 96], expected no such tensor in "
     "a t5 model"),
    ("t5", {"num_decoder_layers": 2**40}, "config.json: num_decoder_layers: 1099511627776, expected 1 to 4096"),
    ("t5", {"relative_attention_max_distance": 3}, "t5.attention.relative_max_distance: 3, expected 5 to 65536"),
    ("t5", {"num_decoder_layers": 2},
     "decoder.block.2.layer.0.SelfAttention.k.weight (dec.blk.2.attn_k.weight): shape [60, 96], expected no such tensor in a t5 "
     "model of 3 layers"),
    ("gptneox", {"rotary_pct": 1.2}, "config.json: partial_rotary_factor, rotary_pct: 1.2, expected more than 0, to 1"),
    # Tensors that are not there are called as the folder would have them.
    ("llama", {"num_hidden_layers": 4}, "model.layers.3.input_layernorm.weight (blk.3.attn_norm.weight): missing, expected shape [96]"),
    ("gptneox", {"num_hidden_layers": 4},
     "gpt_neox.layers.3.input_layernorm.weight (blk.3.attn_norm.weight): missing, expected shape [96]"),
    ("phi3", {"intermediate_size": 320}, "model.layers.0.mlp.gate_up_proj.weight (blk.0.ffn_up.weight): shape"),
    *(("llama", {"vocab_size": n}, f"config.json: vocab_size: {n}, expected 211, the rows of model.embed_tokens.weight")
      for n in (300, 200)),
    # Numbers that would be memory, and are not.
    ("qwen2", {"head_dim": 2147483647}, "config.json: head_dim: 2147483647, expected 1 to 65536"),
    ("llama-llama3", {"head_dim": 10**12}, "config.json: head_dim: 1000000000000, expected 1 to 65536"),
    ("llama-llama3", {"partial_rotary_factor": 1e300, "rope_parameters": LLAMA3 | {"partial_rotary_factor": 1e300}},
     "config.json: partial_rotary_factor, rotary_pct: 1e+300, expected more than 0, to 1"),
    ("llama", {"num_attention_heads": 10**18}, "config.json: num_attention_heads: 1000000000000000000, expected 1 to 4096"),
    ("llama", {"num_attention_heads": -3}, "config.json: num_attention_heads: -3, expected 1 to 4096"),
    ("llama", {"num_key_value_heads": 10**18}, "config.json: num_key_value_heads: 1000000000000000000, expected 1 to 4096"),
    ("llama", {"num_hidden_layers": 0}, "config.json: num_hidden_layers: 0, expected 1 to 4096"),
    ("bloom", {"hidden_size": 2**62}, "config.json: hidden_size: 4611686018427387904, expected 1 to 1048576"),
    ("deepseek-v3", {"qk_nope_head_dim": 2**63 - 1, "qk_rope_head_dim": 2**62},
     "config.json: head_dim: 4611686018427387904, expected 1 to 65536"),
    ("deepseek-v3", {"qk_nope_head_dim": 2**63 - 1},
     "config.json: qk_nope_head_dim: 9223372036854775807, expected 1 to 32768"),
    ("llama", {"max_position_embeddings": 2**40},
     "config.json: max_position_embeddings: 1099511627776, expected 1 to 1073741824"),
    # What follows an encoder; the fourth: further files.
    ("bert", {}, f"1_Pooling/config.json: pooling_mode_cls_token, pooling_mode_mean_tokens, {MODES}",
     modules(["mean_tokens", "cls_token"])),
    ("bert", {}, f"1_Pooling/config.json: pooling_mode_weightedmean_tokens, {MODES}", modules(["weightedmean_tokens"])),
    ("bert", {}, f"1_Pooling/config.json: no mode is on, {MODES}", modules([])),
    ("bert", {}, f"1_Pooling/config.json: mean, cls, {MODES}", modules([]) | {"1_Pooling/config.json": {"pooling_mode": ["mean", "cls"]}}),
    ("bert", {}, "modules.json: sentence_transformers.models.LayerNorm: supported: Transformer, Pooling, Dense, Normalize",
     modules(["mean_tokens"], ("2_LayerNorm", "LayerNorm"))),
    ("bert", {}, "modules.json: sentence_transformers.models.Dense: behind Normalize, supported: between Pooling and Normalize",
     modules(["mean_tokens"], ("2_Normalize", "Normalize"), ("3_Dense", "Dense"))),
    ("bert", {}, "2_Dense/config.json: cannot be opened: No such file", modules(["mean_tokens"], ("2_Dense", "Dense"))),
    *(("bert", {}, message, dense(changes)) for changes, message in (
        ({"in_features": 95}, "2_Dense/config.json: in_features: 95, expected 96, the width of what comes before"),
        ({"in_features": None}, "2_Dense/config.json: in_features: missing"),
        ({"out_features": 0}, "2_Dense/config.json: out_features: 0, expected 1 to 1048576"),
        ({"activation_function": "torch.nn.modules.activation.Softplus"},
         '2_Dense/config.json: activation_function: "torch.nn.modules.activation.Softplus", supported: Identity, Tanh, ReLU, GELU, SiLU'),
        ({"module_input_name": "token_embeddings"},
         '2_Dense/config.json: module_input_name: "token_embeddings", supported: "sentence_embedding"'),
        ({"use_residual": True}, "2_Dense/config.json: use_residual: true, supported: false"),
        ({"out_features": 63}, "2_Dense/model.safetensors: linear.weight: shape [64, 96], expected [63, 96]"),
        ({"bias": False}, '2_Dense/model.safetensors: "linear.bias": shape [64], expected no such tensor in a Dense module without'),
        ({"shapes": {"linear.weight": [64, 96]}}, "2_Dense/model.safetensors: linear.bias: missing, expected shape [64]"),
        ({"shapes": {"linear.weight": [64, 96], "linear.bias": [1, 64]}},
         "2_Dense/model.safetensors: linear.bias: shape [1, 64], expected [64]"),
        ({"shapes": None}, "2_Dense: holds no weights, expected model.safetensors"))),
    # Layers that slide need a window; the class's default is for configs that are silent, and these are not.
    *((name, {"sliding_window": None}, "config.json: sliding_window: missing")
      for name in ("gemma2", "gemma3", "cohere2", "gpt-oss", "olmo3")),
    # What every model has; None: left out.
    ("llama", {"num_attention_heads": None}, "config.json: num_attention_heads: missing"),
    ("llama", {"hidden_size": None}, "config.json: hidden_size: missing"),
    ("llama", {"num_hidden_layers": None}, "config.json: num_hidden_layers: missing"),
    ("llama", {"max_position_embeddings": None}, "config.json: max_position_embeddings: missing"),
]


def error_of(tern, name, changes, files):
    made = json.loads((HERE / "tiny" / f"{name}.json").read_text())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "config.json").write_text(json.dumps(made["config"] | changes))
        for path, content in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            if path.endswith(".safetensors"):
                write_safetensors(folder / path, content, 1)
            else:
                (folder / path).write_text(json.dumps(content))
        write_safetensors(folder / "model.safetensors", made["tensors"], made["seed"])
        (folder / "tokens.json").write_text("[1, 2]")
        command = [tern, "logits", folder, "--tokens-file", folder / "tokens.json", "--out", folder / "out.npy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return "" if done.returncode == 0 else done.stderr.strip()


def main():
    tern, failed = Path(sys.argv[1]).resolve(), 0
    for name, changes, want, *files in CASES:
        got = error_of(tern, name, changes, *files or [{}])
        good = want in got and "\n" not in got
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {name} {json.dumps(changes)[:80]}: {got or 'runs'}", flush=True)
    sys.exit(failed > 0)


main()
