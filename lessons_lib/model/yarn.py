"""YaRN: let a model read texts longer than those it was trained on, by slowing its rotary pairs down.

Two ideas:
  ramp         a pair that turns many times within the original length tells neighbours apart, and stays
               as it is; one that never completes a turn would meet angles it has never seen, and is
               slowed down by the whole factor; between them lies a ramp, linear in the pair index;
  temperature  more keys make a softmax flatter, so the scores are multiplied by mscale squared.

The ramp is that of DeepSeek's released code (`precompute_freqs_cis`). The YaRN paper draws it over the
number of turns instead: the same ends, other values between.
Sources: Peng et al., arXiv:2309.00071; DeepSeek-V3 report, arXiv:2412.19437, section 4.3.
Letters: D rotary width, D/2 pairs.
"""

import math

import torch
from torch import Tensor

from lessons_lib.arguments import instance
from lessons_lib.config import ModelConfig
from lessons_lib.model.rope import rope_frequencies


def pair_with_turns(turns: float, head_dim: int, theta: float, length: int) -> float:
    """Return the (fractional) index of the pair that makes `turns` full turns within `length`."""
    return head_dim * math.log(length / (2 * math.pi * turns)) / (2 * math.log(theta))


def yarn_ramp(config: ModelConfig) -> Tensor:
    """Return, per pair (D/2,) float64, how much it is slowed down: 0 not at all, 1 by the whole factor."""
    instance(ModelConfig, config=config)
    of_pair = (config.rope_width, config.rope_theta, config.original_seq_len)
    low = max(math.floor(pair_with_turns(config.beta_fast, *of_pair)), 0)
    high = min(math.ceil(pair_with_turns(config.beta_slow, *of_pair)), config.rope_width - 1)
    pairs = torch.arange(config.rope_width // 2, dtype=torch.float64)
    return ((pairs - low) / ((high - low) or 0.001)).clamp(0, 1)


def yarn_frequencies(config: ModelConfig) -> Tensor:
    """Return the angle per position of every pair, (D/2,) float64; without `rope_factor` the usual ones."""
    instance(ModelConfig, config=config)
    usual = rope_frequencies(config.rope_width, config.rope_theta)
    if config.rope_factor is None:
        return usual
    ramp = yarn_ramp(config)
    return usual / config.rope_factor * ramp + usual * (1 - ramp)


def yarn_mscale(config: ModelConfig) -> float:
    """Return 0.1 mscale ln(rope_factor) + 1, whose square multiplies the scores; 1 without YaRN."""
    instance(ModelConfig, config=config)
    return 1.0 if config.rope_factor is None else 0.1 * config.mscale * math.log(config.rope_factor) + 1.0
