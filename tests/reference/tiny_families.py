"""The tiny checkpoints: a class of Transformers and its settings per family; some in another form (tiny_rewrites.py).

Sizes are awkward on purpose: three heads over one, widths that are no power of two, a vocabulary that is no multiple of
64, sequences longer than the sliding window. Names that end in -old-config have a config.json as Transformers 4 wrote it.
"""
import tiny_rewrites as rewrites

BASE = dict(vocab_size=211, hidden_size=96, intermediate_size=160, num_hidden_layers=3, num_attention_heads=3,
            num_key_value_heads=1, max_position_embeddings=64, initializer_range=0.02, pad_token_id=0)

LONG_ROPE = dict(rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.75,
                 short_factor=[1.0 + 0.05 * i for i in range(12)], long_factor=[1.5 + 0.6 * i for i in range(12)])

DEEPSEEK = dict(num_key_value_heads=3, q_lora_rank=40, kv_lora_rank=28, qk_nope_head_dim=20, qk_rope_head_dim=12, v_head_dim=16,
                moe_intermediate_size=36, n_shared_experts=2, first_k_dense_replace=1)

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
    "gemma3-silu": ("Gemma3ForCausalLM", dict(sliding_window=8, head_dim=16, hidden_activation="silu", num_hidden_layers=1)),
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
    "olmoe-clip": ("OlmoeForCausalLM", dict(
        num_experts=3, num_experts_per_tok=1, intermediate_size=40, num_hidden_layers=2, clip_qkv=0.6, eos_token_id=2)),
    "gemma": ("GemmaForCausalLM", dict(head_dim=24)),
    "gemma2": ("Gemma2ForCausalLM", dict(sliding_window=8, head_dim=24, query_pre_attn_scalar=40,
                                         attn_logit_softcapping=2.0, final_logit_softcapping=3.0)),
    "gemma2-no-caps": ("Gemma2ForCausalLM", dict(
        sliding_window=8, head_dim=40, attn_logit_softcapping=None, final_logit_softcapping=None,
        layer_types=["full_attention", "full_attention", "sliding_attention"])),
    "gpt2": ("GPT2LMHeadModel", dict(num_key_value_heads=None)),
    "gpt2-hub": ("GPT2LMHeadModel", dict(n_inner=72, scale_attn_weights=False), rewrites.hub_gpt2),
    "gpt2-scale-by-layer": ("GPT2LMHeadModel", dict(num_key_value_heads=None, scale_attn_by_inverse_layer_idx=True)),
    "gptneox": ("GPTNeoXForCausalLM", {}),
    "gptneox-sequential": ("GPTNeoXForCausalLM", dict(use_parallel_residual=False, attention_bias=False, hidden_size=60)),
    "gptneox-hub": ("GPTNeoXForCausalLM", dict(rope_parameters=dict(
        rope_type="linear", factor=2.0, rope_theta=5000.0, partial_rotary_factor=0.5)), rewrites.hub_gptneox),
    "falcon": ("FalconForCausalLM", {}),
    "falcon-40b": ("FalconForCausalLM", dict(new_decoder_architecture=True, num_attention_heads=6, num_kv_heads=2)),
    "falcon-11b": ("FalconForCausalLM", dict(new_decoder_architecture=True, num_kv_heads=1, num_ln_in_parallel_attn=1,
                                             ffn_hidden_size=144, tie_word_embeddings=False)),
    "falcon-rw": ("FalconForCausalLM", dict(alibi=True, multi_query=False, parallel_attn=False, bias=True)),
    "falcon-hub": ("FalconForCausalLM", dict(new_decoder_architecture=True, num_attention_heads=6, num_kv_heads=3,
                                             bias=True), rewrites.hub_falcon),
    "bloom": ("BloomForCausalLM", {}),
    "bloom-hub": ("BloomForCausalLM", dict(num_attention_heads=8, hidden_size=120), rewrites.hub_bloom),
    "mpt": ("MptForCausalLM", dict(max_seq_len=64)),
    "mpt-clip": ("MptForCausalLM", dict(max_seq_len=64, num_attention_heads=4, layer_norm_epsilon=1e-3, attn_config=dict(
        clip_qkv=0.7, softmax_scale=0.3))),
    "phi2": ("PhiForCausalLM", {}),
    "phi2-relu": ("PhiForCausalLM", dict(hidden_act="relu", tie_word_embeddings=True)),
    "phi2-qk-norm-old-config": ("PhiForCausalLM", dict(qk_layernorm=True, num_key_value_heads=3)),
    "phi3": ("Phi3ForCausalLM", dict(sliding_window=8)),
    "phi3-short": ("Phi3ForCausalLM", dict(max_position_embeddings=128, original_max_position_embeddings=64,
                                           rope_parameters=LONG_ROPE)),
    "phi3-long-old-config": ("Phi3ForCausalLM", dict(original_max_position_embeddings=16, tie_word_embeddings=True,
                                          rope_parameters=LONG_ROPE)),
    "starcoder2": ("Starcoder2ForCausalLM", dict(sliding_window=8)),
    "starcoder2-no-bias-old-config": ("Starcoder2ForCausalLM", dict(use_bias=False, tie_word_embeddings=False)),
    "stablelm": ("StableLmForCausalLM", dict(use_qkv_bias=True)),
    "stablelm-parallel-old-config": ("StableLmForCausalLM", dict(
        use_parallel_residual=True, qk_layernorm=True, num_attention_heads=6, num_key_value_heads=2,
        rope_parameters=dict(rope_type="default", rope_theta=500.0, partial_rotary_factor=0.5))),
    "olmo2": ("Olmo2ForCausalLM", dict(num_key_value_heads=3)),
    "olmo2-grouped-old-config": ("Olmo2ForCausalLM", dict(attention_bias=True)),
    "olmo3": ("Olmo3ForCausalLM", dict(sliding_window=8, num_hidden_layers=4, rope_parameters=dict(
        full_attention=dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16),
        sliding_attention=dict(rope_type="default", rope_theta=2000.0)))),
    "olmo3-old-config": ("Olmo3ForCausalLM", dict(sliding_window=8, num_hidden_layers=5, rope_parameters=dict(
        full_attention=dict(rope_type="yarn", rope_theta=500000.0, factor=4.0, original_max_position_embeddings=16)))),
    "granite": ("GraniteForCausalLM", dict(embedding_multiplier=3.0, logits_scaling=5.0, residual_multiplier=0.4,
                                           attention_multiplier=0.11)),
    "granite-biases-old-config": ("GraniteForCausalLM", dict(attention_bias=True, mlp_bias=True, tie_word_embeddings=True)),
    "command-r": ("CohereForCausalLM", dict(attention_bias=True)),
    "command-r-qk-norm-old-config": ("CohereForCausalLM", dict(use_qk_norm=True, logit_scale=0.3, num_attention_heads=6,
                                                    num_key_value_heads=2)),
    "cohere2": ("Cohere2ForCausalLM", dict(sliding_window=8, num_hidden_layers=5)),
    "cohere2-hub": ("Cohere2ForCausalLM", dict(sliding_window=7, attention_bias=True), rewrites.hub_cohere2),
    "chatglm": ("GlmForCausalLM", dict(head_dim=24)),
    "chatglm-own-code": ("GlmForCausalLM", dict(head_dim=32, rope_parameters=dict(
        rope_type="default", rope_theta=50000.0, partial_rotary_factor=0.5)), rewrites.own_code_chatglm),
    "glm4": ("Glm4ForCausalLM", dict(head_dim=40)),
    "glm4-no-bias-old-config": ("Glm4ForCausalLM", dict(head_dim=32, attention_bias=False, num_key_value_heads=3)),
    "smollm3": ("SmolLM3ForCausalLM", dict(num_hidden_layers=5)),
    "smollm3-window-old-config": ("SmolLM3ForCausalLM", dict(
        use_sliding_window=True, sliding_window=8, no_rope_layer_interval=2, attention_bias=True)),
    "gpt-oss": ("GptOssForCausalLM", dict(
        head_dim=24, num_local_experts=5, num_experts_per_tok=3, sliding_window=8, eos_token_id=2,
        rope_parameters=dict(rope_type="yarn", rope_theta=150000.0, factor=32.0, beta_fast=32.0, beta_slow=1.0,
                             truncate=False, original_max_position_embeddings=64))),
    "gpt-oss-clamped": ("GptOssForCausalLM", dict(
        head_dim=32, num_local_experts=4, num_experts_per_tok=4, sliding_window=5, attention_bias=False, eos_token_id=2,
        swiglu_alpha=1.25, swiglu_limit=0.5, layer_types=["full_attention", "sliding_attention", "sliding_attention"],
        rope_parameters=dict(rope_type="default", rope_theta=10000.0))),
    "gpt-oss-old-config": ("GptOssForCausalLM", dict(
        head_dim=20, num_local_experts=3, num_experts_per_tok=1, sliding_window=8, num_key_value_heads=3, eos_token_id=2,
        rope_parameters=dict(rope_type="yarn", rope_theta=150000.0, factor=8.0, original_max_position_embeddings=64))),
    # Transformers then takes the YaRN of the published models.
    "gpt-oss-no-rope-old-config": ("GptOssForCausalLM", dict(
        num_hidden_layers=1, head_dim=36, num_local_experts=4, num_experts_per_tok=2, sliding_window=8, eos_token_id=2,
        rope_parameters=dict(rope_type="default", rope_theta=150000.0))),
    "deepseek-v2": ("DeepseekV2ForCausalLM", DEEPSEEK | dict(
        n_routed_experts=6, num_experts_per_tok=3, topk_method="group_limited_greedy", n_group=3, topk_group=2,
        routed_scaling_factor=4.0)),
    "deepseek-v2-lite": ("DeepseekV2ForCausalLM", DEEPSEEK | dict(
        q_lora_rank=None, n_routed_experts=5, num_experts_per_tok=2, n_shared_experts=1, norm_topk_prob=True, n_group=1,
        topk_group=1, attention_bias=True, mlp_bias=True, tie_word_embeddings=True, rms_norm_eps=1e-3)),
    "deepseek-v2-yarn-old-config": ("DeepseekV2ForCausalLM", DEEPSEEK | dict(
        q_lora_rank=None, n_routed_experts=4, num_experts_per_tok=2, rope_parameters=dict(
            rope_type="yarn", rope_theta=10000.0, factor=40.0, mscale=0.707, mscale_all_dim=0.707, beta_fast=32,
            beta_slow=1, original_max_position_embeddings=64))),
    "deepseek-v3": ("DeepseekV3ForCausalLM", DEEPSEEK | dict(
        n_routed_experts=8, num_experts_per_tok=3, n_group=4, topk_group=2, n_shared_experts=1)),
    "deepseek-v3-yarn": ("DeepseekV3ForCausalLM", DEEPSEEK | dict(
        n_routed_experts=6, num_experts_per_tok=4, n_group=1, topk_group=1, norm_topk_prob=False,
        first_k_dense_replace=2, rope_parameters=dict(
            rope_type="yarn", rope_theta=10000.0, factor=8.0, mscale=1.0, mscale_all_dim=0.5,
            original_max_position_embeddings=48))),
    "deepseek-v3-lite-old-config": ("DeepseekV3ForCausalLM", DEEPSEEK | dict(
        q_lora_rank=None, n_routed_experts=9, num_experts_per_tok=6, n_group=3, topk_group=2, attention_bias=True,
        v_head_dim=24, first_k_dense_replace=0)),
}

# Encoders: the reference is the last hidden states.
ENCODERS = {
    "bert": ("BertModel", dict(num_attention_heads=3, num_key_value_heads=None, max_position_embeddings=48)),
    "roberta": ("RobertaModel", dict(num_key_value_heads=None, max_position_embeddings=50, pad_token_id=1,
                                     type_vocab_size=1)),
    "roberta-padding": ("XLMRobertaModel", dict(num_key_value_heads=None, max_position_embeddings=50, pad_token_id=2,
                                                type_vocab_size=1, num_hidden_layers=1)),
    "modern-bert": ("ModernBertModel", dict(num_key_value_heads=None, local_attention=12, num_hidden_layers=4,
                                            pad_token_id=1, bos_token_id=1, eos_token_id=2, cls_token_id=1,
                                            sep_token_id=2)),
    "modern-bert-hub": ("ModernBertModel", dict(
        num_key_value_heads=None, local_attention=8, num_hidden_layers=4, pad_token_id=1, bos_token_id=1, eos_token_id=2,
        cls_token_id=1, sep_token_id=2, layer_types=["full_attention", "sliding_attention"] * 2), rewrites.hub_modern_bert),
}
# The encoders of encoder-decoders alone; BASE has other names for what their classes know.
T5 = dict({key: None for key in BASE if key not in ("vocab_size", "hidden_size", "pad_token_id")},
          num_layers=3, num_heads=3, d_kv=20, d_ff=112, relative_attention_num_buckets=8, relative_attention_max_distance=20)
ENCODERS |= {
    "t5encoder": ("T5EncoderModel", T5 | dict(relative_attention_max_distance=128)),
    "t5encoder-gelu": ("T5EncoderModel", T5 | dict(num_layers=1, feed_forward_proj="gelu")),
    "t5encoder-umt5": ("UMT5EncoderModel", T5 | dict(num_layers=2, feed_forward_proj="gated-gelu")),
}
FAMILIES |= ENCODERS

# Encoder-decoders: the reference has a source, which the encoder reads, and the logits of an answer's tokens.
ANSWERERS = {
    "t5": ("T5ForConditionalGeneration", T5),
    "t5v1.1": ("T5ForConditionalGeneration", T5 | dict(
        num_layers=2, num_decoder_layers=4, d_kv=32, feed_forward_proj="gated-gelu", tie_word_embeddings=False), rewrites.untied_t5),
    "t5-flan-hub": ("T5ForConditionalGeneration", T5 | dict(
        num_decoder_layers=1, relative_attention_num_buckets=32, relative_attention_max_distance=128, decoder_start_token_id=5,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False), rewrites.hub_t5),
    "t5-gated-relu": ("T5ForConditionalGeneration", T5 | dict(
        num_layers=1, num_decoder_layers=2, feed_forward_proj="gated-relu")),
    "mt5": ("MT5ForConditionalGeneration", T5 | dict(
        relative_attention_max_distance=128, feed_forward_proj="gated-gelu"), rewrites.untied_t5),
    "umt5": ("UMT5ForConditionalGeneration", T5 | dict(num_decoder_layers=2, feed_forward_proj="gated-gelu")),
}
FAMILIES |= ANSWERERS
