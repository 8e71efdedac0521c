"""Forms that were written for speed beside the plain ones: einops with named axes, textbook formulas."""

import pytest
import torch
import torch.nn.functional as F
from einops import einsum, rearrange

from lessons_lib.config import ModelConfig
from lessons_lib.model import Attention, LatentAttention, RMSNorm, apply_rope, attend, attention, rope_table


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


def plain_attention(q, k, v, scale):
    """The formula: every query's own head of keys, all scores, minus infinity where the key comes later."""
    k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))
    scores = einsum(q, k, "b h t d, b h s d -> b h t s") * (q.shape[-1] ** -0.5 if scale is None else scale)
    later = torch.ones(scores.shape[2:], dtype=torch.bool).triu(1 + k.shape[2] - q.shape[2])
    return einsum(scores.masked_fill(later, -torch.inf).softmax(-1), v, "b h t s, b h s d -> b h t d")


@pytest.mark.parametrize("scale", [None, 0.7])
@pytest.mark.parametrize("length", [7, 4, 2])  # of the queries; there are 7 keys
@pytest.mark.parametrize(("kv_heads", "width"), [(6, 8), (6, 5), (2, 8), (2, 5), (1, 8), (1, 5), (1, 11)])
@pytest.mark.parametrize("short", [256, 0], ids=["by table", "fused"])
def test_attention_by_table_and_by_the_fused_kernel_are_the_formula(
    monkeypatch, short, kv_heads, width, length, scale
):
    monkeypatch.setattr(attention, "SHORT", short)
    given = draw(2, 6, length, 8), draw(2, kv_heads, 7, 8, seed=1), draw(2, kv_heads, 7, width, seed=2)
    g, results = draw(2, 6, length, width, seed=3), []
    for form in (attend, plain_attention):
        leaves = [x.clone().requires_grad_() for x in given]
        looked = form(*leaves, scale)
        looked.backward(g)
        results.append([looked, *(x.grad for x in leaves)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)  # float64: 1e-15 a step


def test_the_table_is_for_short_texts_only(monkeypatch):
    """Beyond 256 keys it would be large; and a single query, or a kernel that fits, has no need of it."""
    sizes, by_table = [], attention._attend_by_table

    def watched(q, k, *rest):
        sizes.append((q.shape[2], k.shape[2]))
        return by_table(q, k, *rest)

    monkeypatch.setattr(attention, "_attend_by_table", watched)
    for n_queries, n_keys, kv_heads, width in (
        *((256, 256, 1, 8), (256, 256, 2, 8), (3, 256, 6, 5)),  # short, and the kernel doesn't fit
        *((257, 257, 1, 8), (3, 257, 6, 5), (1, 9, 1, 8), (1, 9, 6, 5), (9, 9, 6, 8), (3, 9, 6, 8)),
    ):
        attend(draw(1, 6, n_queries, 8), draw(1, kv_heads, n_keys, 8), draw(1, kv_heads, n_keys, width))
    assert sizes == [(256, 256), (256, 256), (3, 256)]


def plain_norm(x, weight, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * weight


INPUTS = {
    "a batch": draw(3, 5, 12),
    "one vector": draw(12),
    "transposed": draw(12, 7).T,
    "a slice": draw(4, 30)[:, 9:21],
    "large": 1e6 * draw(4, 12),
    "far from mean 0": 5 + draw(4, 12),
    "near 0, where epsilon counts": 1e-3 * draw(4, 12),
    "zeros": torch.zeros(2, 12, dtype=torch.float64),
}


@pytest.mark.parametrize("name", INPUTS)
def test_the_norms_gradient_is_that_of_the_formula(name):
    norm, g = RMSNorm(12, eps=1e-5).double(), draw(*INPUTS[name].shape, seed=2)
    results = []
    for form in (lambda x: norm(x), lambda x: plain_norm(x, norm.weight, 1e-5)):
        norm.weight.data = 1 + 0.3 * draw(12, seed=1)
        norm.weight.grad, x = None, INPUTS[name].clone().requires_grad_()
        y = form(x)
        y.backward(g)
        results.append((y, x.grad, norm.weight.grad))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(
            found, expected, rtol=1e-10, atol=1e-12 * float(expected.detach().abs().max())
        )


def test_the_norms_gradient_is_that_of_small_differences():
    norm = RMSNorm(5, eps=0.1).double()
    norm.weight.data = draw(5, seed=1)
    x = draw(2, 3, 5).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, _: norm(x), (x, norm.weight))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_a_norm_that_learns_has_the_values_of_one_that_does_not(dtype):
    norm, x = RMSNorm(96).to(dtype), draw(4, 64, 96).to(dtype)
    norm.weight.data = (1 + 0.3 * draw(96, seed=1)).to(dtype)
    with torch.no_grad():
        expected = F.rms_norm(x, (96,), norm.weight, 1e-6)
        assert torch.equal(norm(x), expected)
    assert torch.equal(norm(x), expected)
    norm(x).sum().backward()
    assert norm.weight.grad.dtype is dtype


def test_a_second_derivative_of_the_norm_is_refused_and_not_made_up():
    x = draw(2, 12).requires_grad_()
    (dx,) = torch.autograd.grad(RMSNorm(12).double()(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        dx.sum().backward()
