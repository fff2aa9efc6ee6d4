#!/usr/bin/env python3
"""make_class_defaults.py: what Transformers' classes take where config.json is silent, as tests/models/class_defaults.json.

For each family of tiny/ that is saved as Transformers saves it: the keys of its config that no tensor's shape tells, with the class's
own default. A published config may leave any of them out, and text_config of the larger Gemma 3 leaves out most. Needs transformers.
"""
import json
from pathlib import Path

import transformers

TINY = Path(__file__).parent.parent / "models" / "tiny"
KEYS = {"rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon", "norm_eps", "rope_parameters", "rope_theta",
        "partial_rotary_factor", "query_pre_attn_scalar", "norm_topk_prob", "routed_scaling_factor",
        "logit_scale", "attention_multiplier", "embedding_multiplier", "residual_multiplier", "logits_scaling", "swiglu_alpha",
        "swiglu_limit", "local_attention", "global_attn_every_n_layers", "hidden_activation", "use_sliding_window", "use_parallel_residual",
        "feed_forward_proj", "relative_attention_max_distance", "scale_decoder_outputs", "decoder_start_token_id"}


def main():
    found, seen = {}, set()
    for path in sorted(TINY.glob("*.json"), key=lambda path: path.stem):  # "llama" before "llama-biases"
        config = json.loads(path.read_text())["config"]
        name = config["architectures"][0]
        if name in seen or path.stem.endswith(("-old-config", "-hub", "-own-code")):
            continue
        seen.add(name)
        defaults = getattr(transformers, name).config_class().to_dict()
        found[path.stem] = {key: defaults[key] for key in sorted(KEYS & config.keys()) if defaults.get(key) is not None}
    (TINY.parent / "class_defaults.json").write_text(json.dumps({k: v for k, v in found.items() if v}, indent=1) + "\n")


main()
