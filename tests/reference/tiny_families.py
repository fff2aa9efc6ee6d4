"""The tiny checkpoints: a class of Transformers and its settings per family.

Sizes are awkward on purpose: three heads over one, widths that are no power of two, a vocabulary that is no multiple of
64, sequences longer than the sliding window. Names that end in -old-config have a config.json as Transformers 4 wrote it.
"""
BASE = dict(vocab_size=211, hidden_size=96, intermediate_size=160, num_hidden_layers=3, num_attention_heads=3,
            num_key_value_heads=1, max_position_embeddings=64, initializer_range=0.02)

FAMILIES = {
    "llama": ("LlamaForCausalLM", {}),
    "llama-biases": ("LlamaForCausalLM", dict(attention_bias=True, mlp_bias=True, tie_word_embeddings=True)),
    "llama-llama3": ("LlamaForCausalLM", dict(rope_parameters=dict(
        rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
        original_max_position_embeddings=24))),
    "llama-linear": ("LlamaForCausalLM", dict(rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=2.5))),
    "llama-yarn": ("LlamaForCausalLM", dict(rope_parameters=dict(
        rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16))),
    "llama-dynamic": ("LlamaForCausalLM", dict(max_position_embeddings=24, rope_parameters=dict(
        rope_type="dynamic", rope_theta=10000.0, factor=3.0))),
    "mistral": ("MistralForCausalLM", dict(sliding_window=8, head_dim=40)),
    "gemma3": ("Gemma3ForCausalLM", dict(sliding_window=8, head_dim=24, query_pre_attn_scalar=40,
                                         layer_types=["sliding_attention", "full_attention", "sliding_attention"])),
    "qwen2": ("Qwen2ForCausalLM", {}),
    "qwen2-sliding": ("Qwen2ForCausalLM", dict(
        tie_word_embeddings=True, use_sliding_window=True, sliding_window=8, max_window_layers=1)),
    "qwen2-sliding-old-config": ("Qwen2ForCausalLM", dict(
        use_sliding_window=True, sliding_window=8, max_window_layers=2, rope_parameters=dict(
            rope_type="yarn", rope_theta=1000000.0, factor=4.0, original_max_position_embeddings=16))),
    "qwen3": ("Qwen3ForCausalLM", dict(head_dim=40, tie_word_embeddings=True)),
    "qwen3-old-config": ("Qwen3ForCausalLM", dict(
        head_dim=24, num_key_value_heads=3, attention_bias=True, use_sliding_window=True, sliding_window=7,
        max_window_layers=1)),
    "mixtral": ("MixtralForCausalLM", dict(num_local_experts=5)),
    "mixtral-old-config": ("MixtralForCausalLM", dict(
        num_local_experts=3, num_experts_per_tok=3, sliding_window=9, head_dim=24, tie_word_embeddings=True)),
    "qwen2moe": ("Qwen2MoeForCausalLM", dict(
        num_experts=7, num_experts_per_tok=3, moe_intermediate_size=72, shared_expert_intermediate_size=104)),
    "qwen2moe-dense-layers": ("Qwen2MoeForCausalLM", dict(
        num_hidden_layers=4, decoder_sparse_step=2, mlp_only_layers=[3], norm_topk_prob=True, num_experts=4,
        moe_intermediate_size=40, shared_expert_intermediate_size=64, tie_word_embeddings=True)),
    "qwen2moe-sliding-old-config": ("Qwen2MoeForCausalLM", dict(
        use_sliding_window=True, sliding_window=8, max_window_layers=2, num_experts=3, num_experts_per_tok=2,
        moe_intermediate_size=33, shared_expert_intermediate_size=50)),
    "qwen3moe": ("Qwen3MoeForCausalLM", dict(
        head_dim=40, num_experts=9, num_experts_per_tok=4, moe_intermediate_size=56, norm_topk_prob=True)),
    "qwen3moe-dense-layers": ("Qwen3MoeForCausalLM", dict(
        head_dim=24, num_experts=6, num_experts_per_tok=2, moe_intermediate_size=56, mlp_only_layers=[0],
        use_sliding_window=True, sliding_window=8, attention_bias=True, tie_word_embeddings=True)),
    "olmoe": ("OlmoeForCausalLM", dict(num_experts=6, num_experts_per_tok=3, intermediate_size=48, pad_token_id=1,
                                       eos_token_id=2)),
    "olmoe-normalized": ("OlmoeForCausalLM", dict(
        num_experts=4, num_experts_per_tok=2, intermediate_size=40, num_key_value_heads=3, norm_topk_prob=True,
        attention_bias=True, eos_token_id=2)),
}

# Encoders: the reference is the last hidden states.
ENCODERS = {
    "bert": ("BertModel", dict(num_attention_heads=3, num_key_value_heads=None, max_position_embeddings=48)),
    "roberta": ("RobertaModel", dict(num_key_value_heads=None, max_position_embeddings=50, pad_token_id=1,
                                     type_vocab_size=1)),
    "modern-bert": ("ModernBertModel", dict(num_key_value_heads=None, local_attention=12, num_hidden_layers=4,
                                            pad_token_id=1, bos_token_id=1, eos_token_id=2, cls_token_id=1,
                                            sep_token_id=2)),
}
FAMILIES |= ENCODERS
