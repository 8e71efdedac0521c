"""The shapes of models that have a name: DeepSeek-V3's own, and this course's miniature of it."""

from typing import Any

# report arXiv:2412.19437, section 4.2; `config_671B.json`
DEEPSEEK_V3: dict[str, Any] = {
    "vocab_size": 129_280,
    "dim": 7168,
    "n_layers": 61,
    "n_heads": 128,
    "inter_dim": 18_432,
    "max_seq_len": 163_840,
    "rope_theta": 10_000.0,
    "rope_factor": 40.0,
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "n_dense_layers": 3,
    "n_routed_experts": 256,
    "n_activated_experts": 8,
    "n_shared_experts": 1,
    "n_expert_groups": 8,
    "n_limited_groups": 4,
    "moe_inter_dim": 2048,
    "route_scale": 2.5,
    "n_mtp_layers": 1,
}

# Lesson 12's: every idea of V3's, in a size that a laptop trains. The latent is wider for a head than in V3,
# where at this size less is learned more slowly; a token's three experts are together as wide as the dense
# block. It is V3's in kind and not in proportion: a token has 3 of 17 experts at work, in V3 9 of 257.
MINI: dict[str, Any] = {
    "vocab_size": 106,  # the mixed corpus's
    "dim": 96,
    "n_layers": 3,
    "n_heads": 4,
    "inter_dim": 264,
    "max_seq_len": 128,
    "rope_theta": 500.0,
    "q_lora_rank": 48,  # a quarter of the queries' 192 numbers; a 16th in V3
    "kv_lora_rank": 64,
    "qk_nope_head_dim": 24,
    "qk_rope_head_dim": 24,
    "v_head_dim": 24,
    "n_dense_layers": 1,
    "n_routed_experts": 16,
    "n_activated_experts": 2,
    "n_shared_experts": 1,
    "n_expert_groups": 4,
    "n_limited_groups": 2,
    "moe_inter_dim": 88,
    "route_scale": 2.5,
    "n_mtp_layers": 1,
}
