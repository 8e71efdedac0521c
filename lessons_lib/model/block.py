"""One layer of the model: attention, then feed-forward, each added to the residual stream.

Attention is latent where the configuration has a `kv_lora_rank`, and sparse where it has an `index_topk`,
the feed-forward a set of experts in `config.expert_layers`.
"""

from collections.abc import Callable

from torch import Tensor, nn

from lessons_lib.arguments import instance, takes_late, whole
from lessons_lib.config import ModelConfig
from lessons_lib.model.attention import Attention
from lessons_lib.model.cache import Cache
from lessons_lib.model.experts import MoE, refuse_form
from lessons_lib.model.feed_forward import FeedForward
from lessons_lib.model.latent_attention import LatentAttention
from lessons_lib.model.norm import RMSNorm
from lessons_lib.model.sparse_attention import SparseAttention


class Block(nn.Module):
    """One layer: x + attention(norm(x)), then x + ffn(norm(x)); (batch, position, dim) throughout."""

    def __init__(
        self,
        config: ModelConfig,
        layer: int = 0,
        *,
        linear: type[nn.Linear] = nn.Linear,
        form: str | Callable = "grouped",
    ) -> None:
        super().__init__()
        instance(ModelConfig, config=config)
        whole(0, most=config.n_layers - 1, layer=layer)
        refuse_form(form, linear)
        self.dim = config.dim
        self.attention_norm = RMSNorm(config.dim, config.norm_eps)
        latent = LatentAttention if config.index_topk is None else SparseAttention
        attention: type[nn.Module] = Attention if config.kv_lora_rank is None else latent
        self.attention = attention(config, linear=linear)
        self.ffn_norm = RMSNorm(config.dim, config.norm_eps)
        if layer in config.expert_layers:
            self.ffn: nn.Module = MoE(config, linear=linear, form=form)
        else:
            self.ffn = FeedForward(config.dim, config.ffn_dim, linear=linear)

    @takes_late(x="float batch position self.dim")
    def forward(self, x: Tensor, rope: Tensor, cache: Cache | None, layer: int) -> Tensor:
        x = x + self.attention(self.attention_norm(x), rope, cache, layer)
        return x + self.ffn(self.ffn_norm(x))
