"""Forms that were written for speed beside the plain ones: einops with named axes, textbook formulas."""

import pytest
import torch
import torch.nn.functional as F
from einops import einsum, rearrange

from lessons_lib.config import ModelConfig
from lessons_lib.model import Attention, LatentAttention, apply_rope, attend, rope_table


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class PlainAttention(Attention):
    """Attention with its axes named."""

    def forward(self, x, rope):
        q, k, v = (
            rearrange(w(x), "b t (h d) -> b h t d", d=self.head_dim) for w in (self.wq, self.wk, self.wv)
        )
        looked = attend_named(apply_rope(q, rope), apply_rope(k, rope), v)
        return self.wo(rearrange(looked, "b h t d -> b t (h d)"))


class PlainLatentAttention(LatentAttention):
    """Latent attention with its axes named, in both forms."""

    def forward(self, x, rope):
        q = rearrange(self.wq(x), "b t (h d) -> b h t d", h=self.n_heads)
        q_nope, q_rotary = q.split([self.nope, self.rotary], dim=-1)
        latent, k_rotary = self.wkv_a(x).split([self.rank, self.rotary], dim=-1)
        latent, k_rotary = self.kv_norm(latent), apply_rope(k_rotary, rope)
        q_rotary = apply_rope(q_rotary, rope)
        w = rearrange(self.wkv_b.weight, "(h d) c -> h d c", h=self.n_heads)
        w_uk, w_uv = w.split([self.nope, self.value], dim=1)
        if self.absorbed:
            q_latent = einsum(q_nope, w_uk, "b h t n, h n c -> b h t c")
            memory = torch.cat([latent, k_rotary], dim=-1).unsqueeze(1)
            o = attend_named(torch.cat([q_latent, q_rotary], dim=-1), memory, memory, self.scale)
            looked = einsum(o[..., : self.rank], w_uv, "b h t c, h v c -> b h t v")
        else:
            kv = rearrange(self.wkv_b(latent), "b s (h d) -> b h s d", h=self.n_heads)
            k_nope, v = kv.split([self.nope, self.value], dim=-1)
            k_rotary = k_rotary.unsqueeze(1).expand(-1, self.n_heads, -1, -1)
            q, k = torch.cat([q_nope, q_rotary], dim=-1), torch.cat([k_nope, k_rotary], dim=-1)
            looked = attend_named(q, k, v, self.scale)
        return self.wo(rearrange(looked, "b h t v -> b t (h v)"))


def attend_named(q, k, v, scale=None):
    """A single query's heads as rows of the head they share; everything else as the library has it."""
    if q.shape[2] > 1:
        return attend(q, k, v, scale)
    stacked = rearrange(q, "b (k g) 1 d -> b k g d", k=k.shape[1])
    width = v.shape[-1]
    v = F.pad(v, (0, max(0, q.shape[-1] - width)))
    looked = F.scaled_dot_product_attention(stacked, k, v, scale=scale)
    return rearrange(looked, "b k g d -> b (k g) 1 d")[..., :width]


def both_layers(kind, **fields):
    """Return the library's layer and the plain one with the same weights, and a table of angles."""
    plain_class = {Attention: PlainAttention, LatentAttention: PlainLatentAttention}[kind]
    absorbed = {"absorbed": fields.pop("absorbed")} if "absorbed" in fields else {}
    config = ModelConfig(vocab_size=1, dim=24, n_layers=1, n_heads=6, **fields)
    torch.manual_seed(0)
    ours, plain = kind(config, **absorbed), plain_class(config, **absorbed)
    plain.load_state_dict(ours.state_dict())
    return ours, plain, rope_table(9, config.rope_width, config.rope_theta)


LATENT = dict(kv_lora_rank=8, qk_nope_head_dim=6, qk_rope_head_dim=4, v_head_dim=5)
LAYERS = {
    "MHA": (Attention, {}),
    "GQA": (Attention, dict(n_kv_heads=2)),
    "MQA": (Attention, dict(n_kv_heads=1)),
    "latent, rebuilt": (LatentAttention, LATENT | dict(absorbed=False)),
    "latent, absorbed": (LatentAttention, LATENT | dict(absorbed=True)),
}


@pytest.mark.parametrize("length", [1, 9])
@pytest.mark.parametrize("name", LAYERS)
def test_views_and_products_by_head_are_their_einops_forms_to_the_bit(name, length):
    kind, fields = LAYERS[name]
    ours, plain, rope = both_layers(kind, **fields)
    x = draw(3, length, 24, dtype=torch.float32)
    found, expected = ours(x, rope[:length]), plain(x, rope[:length])
    assert torch.equal(found, expected)
    for y in (found, expected):
        y.square().sum().backward()
    for mine, theirs in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.equal(mine.grad, theirs.grad)


@pytest.mark.parametrize("width", [5, 8])
@pytest.mark.parametrize("kv_heads", [6, 2, 1])
def test_one_query_looks_at_many_keys_as_its_einops_form_does_to_the_bit(kv_heads, width):
    q, k, v = draw(3, 6, 1, 8), draw(3, kv_heads, 11, 8, seed=1), draw(3, kv_heads, 11, width, seed=2)
    assert torch.equal(attend(q, k, v), attend_named(q, k, v))
