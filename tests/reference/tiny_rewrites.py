"""Other forms in which a family's checkpoints lie on the Hub: an older config.json, other tensor names, stale buffers.

Each function takes the config and the tensors' shapes as Transformers writes them and returns the config and shapes of
the other form, and what makes Transformers' tensors of those of the other form; None where Transformers reads it itself.
"""
import numpy as np


def old_config(config, shapes):
    """Transformers 4: rope_theta, rope_scaling and torch_dtype instead of rope_parameters and dtype."""
    config = dict(config)
    by_layer_type = config.pop("rope_parameters")
    rope = dict(by_layer_type.get("full_attention", by_layer_type))  # the other layers' RoPE is not scaled
    kind = rope.pop("rope_type")
    theta, share = ("rotary_emb_base", "rotary_pct") if config["model_type"] == "gpt_neox" else (
        "rope_theta", "partial_rotary_factor")
    config[theta] = rope.pop("rope_theta")
    if "partial_rotary_factor" in rope:
        config[share] = rope.pop("partial_rotary_factor")
    config["rope_scaling"] = None if kind == "default" else {
        "rope_type" if "full_attention" in by_layer_type else "type": kind, **rope}
    config |= dict(torch_dtype=config.pop("dtype"), transformers_version="4.46.0")
    config.pop("layer_types", None)
    return config, shapes, None


def hub_cohere2(config, shapes):
    """The first configs: a number instead of layer_types."""
    return old_config(config, shapes)[0] | dict(sliding_window_pattern=2, rotary_pct=1.0), shapes, None


def hub_modern_bert(config, shapes):
    """Transformers 4: which layers attend globally as a number, a key for each RoPE base."""
    config = dict(config)
    rope, types = config.pop("rope_parameters"), config.pop("layer_types")
    return config | dict(
        global_attn_every_n_layers=types.index("full_attention", 1), transformers_version="4.48.0",
        torch_dtype=config.pop("dtype"), global_rope_theta=rope["full_attention"]["rope_theta"],
        local_rope_theta=rope["sliding_attention"]["rope_theta"]), shapes, None


def hub_gpt2(config, shapes):
    """Names without a prefix, and the masks of old."""
    names = {name.removeprefix("transformer."): name for name in shapes}
    stale = {f"h.{i}.attn.{name}": shape for i in range(config["n_layer"])
             for name, shape in (("bias", [1, 1, 64, 64]), ("masked_bias", []))}
    shapes = {name: shapes[full] for name, full in names.items()} | stale
    return config, shapes, lambda t: {full: t[name] for name, full in names.items()}


def hub_gptneox(config, shapes):
    """Masks and rotary caches; the config of Transformers 4."""
    stale = {f"gpt_neox.layers.{i}.attention.{name}": shape for i in range(config["num_hidden_layers"])
             for name, shape in (("bias", [1, 1, 64, 64]), ("masked_bias", []), ("rotary_emb.inv_freq", [4]))}
    return old_config(config, shapes)[0], shapes | stale, lambda t: {name: t[name] for name in shapes}


def hub_bloom(config, shapes):
    """Names without a prefix; the keys of the first configs."""
    names = {name.removeprefix("transformer."): name for name in shapes}
    config = dict(config)
    config["n_embed"], config["num_attention_heads"] = config.pop("hidden_size"), config.pop("n_head")
    config.pop("max_position_embeddings", None)
    return config, {name: shapes[full] for name, full in names.items()}, lambda t: {f: t[n] for n, f in names.items()}


def hub_falcon(config, shapes):
    """RefinedWeb's own code: n_head, n_head_kv of the grouped ones, no new_decoder_architecture."""
    config = dict(config)
    heads, kv_heads = config.pop("num_attention_heads"), config.pop("num_kv_heads", None)
    config |= dict(architectures=["RWForCausalLM"], n_head=heads, n_layer=config.pop("num_hidden_layers"))
    if config.pop("new_decoder_architecture", False):
        config["n_head_kv"] = kv_heads
    for key in ("ffn_hidden_size", "max_position_embeddings", "rope_parameters", "num_ln_in_parallel_attn"):
        config.pop(key, None)
    return config, shapes, lambda t: t


def own_code_chatglm(config, shapes):
    """ChatGLMModel, the models' own code: one tensor for q, k and v, other names, another config."""
    layer = {"input_layernorm.weight": "input_layernorm.weight", "self_attn.o_proj.weight": "self_attention.dense.weight",
             "post_attention_layernorm.weight": "post_attention_layernorm.weight",
             "mlp.gate_up_proj.weight": "mlp.dense_h_to_4h.weight", "mlp.down_proj.weight": "mlp.dense_4h_to_h.weight"}
    names = {"model.embed_tokens.weight": "transformer.embedding.word_embeddings.weight",
             "model.norm.weight": "transformer.encoder.final_layernorm.weight",
             "lm_head.weight": "transformer.output_layer.weight"}
    ours = {"transformer.rotary_pos_emb.inv_freq": [4]}
    for i in range(config["num_hidden_layers"]):
        hf, own = f"model.layers.{i}.", f"transformer.encoder.layers.{i}."
        names |= {hf + a: own + b for a, b in layer.items()}
        for suffix in ("weight", "bias"):
            parts = [shapes[f"{hf}self_attn.{part}_proj.{suffix}"] for part in "qkv"]
            ours[f"{own}self_attention.query_key_value.{suffix}"] = [sum(p[0] for p in parts), *parts[0][1:]]
    ours |= {own: shapes[hf] for hf, own in names.items()}

    def to_hf(tensors):
        out = {hf: tensors[own] for hf, own in names.items()}
        for i in range(config["num_hidden_layers"]):
            for suffix in ("weight", "bias"):
                fused = tensors[f"transformer.encoder.layers.{i}.self_attention.query_key_value.{suffix}"]
                ends = np.cumsum([shapes[f"model.layers.{i}.self_attn.{part}_proj.{suffix}"][0] for part in "qkv"])
                for part, rows in zip("qkv", np.split(fused, ends[:-1])):
                    out[f"model.layers.{i}.self_attn.{part}_proj.{suffix}"] = np.ascontiguousarray(rows)
        return out

    own_config = dict(
        architectures=["ChatGLMModel"], model_type="chatglm", num_layers=config["num_hidden_layers"],
        hidden_size=config["hidden_size"], ffn_hidden_size=config["intermediate_size"], kv_channels=config["head_dim"],
        num_attention_heads=config["num_attention_heads"], multi_query_attention=True,
        multi_query_group_num=config["num_key_value_heads"], layernorm_epsilon=config["rms_norm_eps"], rmsnorm=True,
        post_layer_norm=True, add_bias_linear=False, add_qkv_bias=True, padded_vocab_size=config["vocab_size"],
        seq_length=config["max_position_embeddings"], rope_ratio=config["rope_parameters"]["rope_theta"] / 10000,
        apply_residual_connection_post_layernorm=False, original_rope=True, torch_dtype="float32")
    return own_config, ours, to_hf


def untied_t5(config, shapes):
    """A head of its own, which Transformers saves only where it was trained apart."""
    return config, shapes | {"lm_head.weight": shapes["shared.weight"]}, None


def hub_t5(config, shapes):
    """The same with the config of Transformers 4, and a table that no layer reads."""
    config, shapes, _ = untied_t5(config, shapes)
    config = {key: value for key, value in config.items() if key not in ("dense_act_fn", "is_gated_act", "scale_decoder_outputs")}
    stale = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    table = shapes["decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    return (config | dict(tie_word_embeddings=False, n_positions=512, output_past=True), shapes | {stale: table},
            lambda t: {name: value for name, value in t.items() if name != stale})
