"""What the tests of `lessons_lib.reasoning` share: small models and configurations of a blink."""

from dataclasses import replace

import torch

from lessons_lib.config import BaseConfig, HuntConfig, ModelConfig, OptimizerConfig, RLConfig
from lessons_lib.model import Transformer

LATENT = ModelConfig(
    vocab_size=40,
    dim=16,
    n_layers=2,
    n_heads=2,
    max_seq_len=64,
    kv_lora_rank=8,
    qk_nope_head_dim=4,
    qk_rope_head_dim=4,
    v_head_dim=4,
)
PLAIN = ModelConfig(vocab_size=40, dim=16, n_layers=2, n_heads=2, max_seq_len=64)
HUNT = HuntConfig(doors=3, max_tries=3)
SHORT = OptimizerConfig(3e-3, warmup_steps=2, weight_decay=0.0)
BASE = BaseConfig((HUNT,), LATENT, steps=10, batch_size=8, optimizer=SHORT, check_every=5, checkpoint_every=4)
RL = RLConfig(BASE, steps=5, problems=3, group_size=4, max_new=12, checkpoint_every=2)


def model_of(config: ModelConfig = LATENT, seed: int = 0) -> Transformer:
    """Return a random model in float64, whose distributions are far from even."""
    torch.manual_seed(seed)
    return Transformer(config).double().eval()


def changed(config, **fields):
    return replace(config, **fields)
