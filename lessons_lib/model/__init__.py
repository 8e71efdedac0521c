"""What the model is: norm, rotary embedding, attention, feed-forward, experts, cache, the whole."""

from lessons_lib.model.attention import Attention, attend
from lessons_lib.model.balance import auxiliary_loss, sequence_wise_loss, update_bias
from lessons_lib.model.block import Block
from lessons_lib.model.cache import KVCache, LatentCache
from lessons_lib.model.conversion import align_heads, attention_inputs, average_heads, compress_heads
from lessons_lib.model.experts import Experts, MoE, dense_masked, grouped, grouped_linear, loop_over_experts
from lessons_lib.model.feed_forward import FeedForward
from lessons_lib.model.indexer import Indexer, indexer_loss
from lessons_lib.model.latent_attention import LatentAttention
from lessons_lib.model.multi_token import MultiToken, mtp_loss
from lessons_lib.model.norm import RMSNorm
from lessons_lib.model.rope import apply_rope, rope_frequencies, rope_table
from lessons_lib.model.router import Router, Routing, affinities, choose_experts
from lessons_lib.model.routing_statistics import (
    dead_experts,
    expert_by_domain,
    expert_load,
    load_entropy,
    maximum_violation,
    mutual_information,
)
from lessons_lib.model.sparse_attention import SparseAttention
from lessons_lib.model.speculative import Speculation, accept_draft, speculate
from lessons_lib.model.transformer import Transformer
from lessons_lib.model.watching import routers, watch_routing, without_experts
from lessons_lib.model.window_mlp import WindowMLP
from lessons_lib.model.yarn import yarn_frequencies, yarn_mscale, yarn_ramp

__all__ = [
    "auxiliary_loss",
    "sequence_wise_loss",
    "update_bias",
    "Experts",
    "MoE",
    "dense_masked",
    "grouped",
    "grouped_linear",
    "loop_over_experts",
    "Router",
    "Routing",
    "affinities",
    "choose_experts",
    "dead_experts",
    "expert_by_domain",
    "expert_load",
    "load_entropy",
    "maximum_violation",
    "mutual_information",
    "routers",
    "watch_routing",
    "without_experts",
    "Attention",
    "Block",
    "FeedForward",
    "Indexer",
    "KVCache",
    "LatentAttention",
    "LatentCache",
    "MultiToken",
    "RMSNorm",
    "SparseAttention",
    "Speculation",
    "Transformer",
    "WindowMLP",
    "accept_draft",
    "align_heads",
    "apply_rope",
    "attend",
    "attention_inputs",
    "average_heads",
    "compress_heads",
    "indexer_loss",
    "mtp_loss",
    "rope_frequencies",
    "rope_table",
    "speculate",
    "yarn_frequencies",
    "yarn_mscale",
    "yarn_ramp",
]
