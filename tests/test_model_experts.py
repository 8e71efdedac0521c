"""The mixture of experts against one token at a time, and its three forms against each other.

The oracle asks `FeedForward` blocks, token by token and expert by expert, and adds up. In float64 1e-10
is far above rounding; in float32 the bound is 2^-19 of the largest number, or of 1, some tens of roundings.
"""

import pytest
import torch
from torch import nn

from lessons_lib.config import ModelConfig
from lessons_lib.model import FeedForward, MoE, Transformer, grouped, grouped_linear
from lessons_lib.model.experts import FORMS

BASE = dict(vocab_size=23, dim=16, n_layers=3, n_heads=2, max_seq_len=32)
EXPERTS = dict(n_routed_experts=6, n_activated_experts=2, moe_inter_dim=8, route_scale=1.7)
WIDTHS = {"whole": {}, "odd": dict(dim=14, moe_inter_dim=5, head_dim=6)}


def build(form="grouped", dtype=torch.float64, linear=nn.Linear, **changes):
    torch.manual_seed(0)
    moe = MoE(ModelConfig(**BASE | EXPERTS | changes), form=form, linear=linear)
    moe.router.bias += torch.randn(moe.router.bias.shape) * 0.1
    return moe.to(dtype)


def draw(n, width, dtype=torch.float64, seed=1):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed)).to(dtype)


def send_all_to(moe, first):
    """Let every token choose the experts from `first` on, whatever their affinity."""
    k = moe.router.config.n_activated_experts
    moe.router.bias[first : first + k] += 100.0


def block(w13, w2):
    """A dense block with one expert's matrices."""
    width, dim = w13.shape[0] // 2, w13.shape[1]
    one = FeedForward(dim, width).to(w13.dtype)
    with torch.no_grad():
        one.w1.weight.copy_(w13[:width]), one.w3.weight.copy_(w13[width:]), one.w2.weight.copy_(w2)
    return one


def one_by_one(moe, x):
    """The equation: per token, the sum over its experts of weight times answer."""
    routing = moe.router(x)
    blocks = [block(w13, w2) for w13, w2 in zip(moe.experts.w13, moe.experts.w2, strict=True)]
    rows = []
    for token, ids, weights in zip(x, routing.ids.tolist(), routing.weights, strict=True):
        rows.append(sum(w * blocks[e](token) for e, w in zip(ids, weights, strict=True)))
    return torch.stack(rows)


@torch.no_grad()
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", [1, 2, 37])
def test_every_form_is_the_sum_of_weighted_answers_token_by_token(form, width, n):
    moe = build(form, **WIDTHS[width])
    x = draw(n, moe.router.config.dim)
    torch.testing.assert_close(moe(x), one_by_one(moe, x), atol=1e-10, rtol=0)


def answer_and_gradients(form, x, first, dtype, **changes):
    moe, x = build(form, dtype, n_shared_experts=1, **changes), x.clone().requires_grad_()
    if first is not None:
        send_all_to(moe, first)
    answer = moe(x)
    answer.mul(draw(*answer.shape, dtype=dtype, seed=2)).sum().backward()
    return [answer.detach(), x.grad, *(p.grad for p in moe.parameters())]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("k", [1, 2, 6])
@pytest.mark.parametrize("n, first", [(1, None), (40, None), (40, 0), (3, None)])
def test_the_forms_agree_forward_and_in_every_gradient(dtype, width, k, n, first):
    """One token, experts without tokens (3 tokens, or all sent to the first k), all experts at once."""
    changes = WIDTHS[width] | dict(n_activated_experts=k, norm_topk=k > 1)
    x = draw(n, changes.get("dim", 16), dtype)
    loop, *others = (answer_and_gradients(form, x, first, dtype, **changes) for form in FORMS)
    for other in others:
        for ours, plain in zip(other, loop, strict=True):
            bound = 1e-10 if dtype == torch.float64 else 2**-19 * max(1.0, plain.abs().max().item())
            torch.testing.assert_close(ours, plain, atol=bound, rtol=0)


def test_experts_without_tokens_have_a_gradient_of_zero_and_the_others_have_one():
    moe = build(n_activated_experts=2)
    send_all_to(moe, 3)
    moe(draw(20, 16)).pow(2).sum().backward()
    busy = moe.experts.w13.grad.abs().sum((1, 2)) > 0
    assert busy.tolist() == [False, False, False, True, True, False]
    assert torch.equal(busy, moe.experts.w2.grad.abs().sum((1, 2)) > 0)


@torch.no_grad()
def test_answers_come_back_in_the_order_of_their_tokens():
    moe, x = build(), draw(30, 16)
    mixed = torch.randperm(30, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(moe(x[mixed]), moe(x)[mixed], atol=1e-12, rtol=0)
    torch.testing.assert_close(moe(x.view(2, 5, 3, 16)), moe(x).view(2, 5, 3, 16), atol=1e-12, rtol=0)


@torch.no_grad()
def test_shared_experts_see_every_token_unweighted_and_several_are_one_wide_block():
    moe, x = build(n_shared_experts=2), draw(9, 16)
    w1, w2, w3 = (getattr(moe.shared, name).weight for name in ("w1", "w2", "w3"))
    halves = [
        block(torch.cat([gate, up]), down)
        for gate, up, down in zip(w1.chunk(2), w3.chunk(2), w2.chunk(2, 1), strict=True)
    ]
    wanted = one_by_one(moe, x) + halves[0](x) + halves[1](x)
    torch.testing.assert_close(moe(x), wanted, atol=1e-10, rtol=0)
    assert build().shared is None


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("n_in, n_out", [(16, 8), (6, 5), (1, 3), (7, 16)])
def test_rows_are_multiplied_by_the_matrix_of_their_group(n_in, n_out, dtype):
    counts = [0, 3, 1, 0, 5, 0]
    rows, matrices = draw(9, n_in, dtype), draw(6 * n_out, n_in, dtype, 2).view(6, n_out, n_in)
    ends = torch.tensor(counts).cumsum(0).int()
    wanted = [r @ m.T for r, m in zip(rows.split(counts), matrices, strict=True)]
    found = grouped_linear(rows, matrices, ends)
    assert found.dtype == dtype
    bound = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.1}[dtype]
    torch.testing.assert_close(found, torch.cat(wanted), atol=bound, rtol=0)


@torch.no_grad()
def test_a_model_in_bf16_answers_in_bf16_near_the_exact_answer():
    """8 bits of precision: the answers, of size 1, may be off by some 2^-8 at each of four roundings."""
    exact, x = build(dtype=torch.float32), draw(30, 16, torch.bfloat16)
    rounded = build(dtype=torch.bfloat16)
    exact.load_state_dict(rounded.state_dict())
    assert rounded(x).dtype == torch.bfloat16
    off = (rounded(x).float() - exact(x.float())).abs().max() / exact(x.float()).abs().max()
    assert off < 4 * 2**-8


# ---- what is handed in


class Doubling(nn.Linear):
    """A linear layer whose grouped products are twice what they should be."""

    calls = 0

    @staticmethod
    def grouped(x, weight, ends):
        Doubling.calls += 1
        return 2 * grouped_linear(x, weight, ends)


@torch.no_grad()
def test_a_linear_class_may_bring_its_own_grouped_product():
    moe, x = build(linear=Doubling), draw(9, 16)
    routing, double = moe.router(x), lambda *arguments: 2 * grouped_linear(*arguments)
    Doubling.calls = 0
    answer = moe(x)
    assert Doubling.calls == 2  # gate and up at once, then down
    wanted = grouped(x, routing, moe.experts.w13, moe.experts.w2, double)
    assert torch.equal(answer, wanted)
    assert not torch.allclose(answer, build()(x))


@pytest.mark.parametrize("form", ["loop", "dense"])
def test_a_form_that_would_ignore_the_products_handed_in_is_refused(form):
    with pytest.raises(ValueError, match="Doubling brings its own products"):
        build(form, linear=Doubling)


def test_an_unknown_form_is_refused_by_name():
    with pytest.raises(ValueError, match="form must be loop, dense, grouped or a function, got 'sorted'"):
        build("sorted")


@torch.no_grad()
def test_a_form_may_be_a_function_handed_to_the_whole_model():
    seen = []

    def elsewhere(x, routing, w13, w2):
        seen.append(tuple(routing.ids.shape))
        return FORMS["loop"](x, routing, w13, w2)

    config = ModelConfig(**BASE | EXPERTS, n_dense_layers=1)
    torch.manual_seed(0)
    ours = Transformer(config, form=elsewhere)
    torch.manual_seed(0)
    theirs = Transformer(config)
    tokens = torch.randint(23, (2, 7), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(ours(tokens), theirs(tokens), atol=1e-5, rtol=0)
    assert seen == [(14, 2), (14, 2)]


# ---- in the whole model


def build_model(**changes):
    torch.manual_seed(0)
    model = Transformer(ModelConfig(**BASE | EXPERTS | dict(n_shared_experts=1) | changes)).double()
    for layer in model.layers:
        if isinstance(layer.ffn, MoE):
            layer.ffn.router.bias += torch.randn(6) * 0.1
    return model


@pytest.mark.parametrize("n_dense", [0, 1, 2])
def test_leading_layers_stay_dense(n_dense):
    layers = build_model(n_dense_layers=n_dense).layers
    assert [isinstance(layer.ffn, MoE) for layer in layers] == [i >= n_dense for i in range(3)]


def test_matrices_of_experts_start_at_the_scale_of_dense_ones():
    """0.1 is eight standard errors of a standard deviation over 3,072 numbers."""
    config = ModelConfig(**BASE | dict(dim=64, n_routed_experts=6, n_activated_experts=2, moe_inter_dim=48))
    torch.manual_seed(0)
    moe = Transformer(config).layers[0].ffn
    for weight, wanted in [
        (moe.router.weight, 64**-0.5),
        (moe.experts.w13, 64**-0.5),
        (moe.experts.w2, 48**-0.5 * 6**-0.5),  # six answers are added to the stream
    ]:
        assert abs(weight.std().item() / wanted - 1) < 0.1
    assert moe.router.bias.eq(0).all()


@torch.no_grad()
def test_decoding_with_a_cache_is_as_reading_at_once():
    model = build_model()
    tokens = torch.randint(23, (2, 12), generator=torch.Generator().manual_seed(1))
    cache = model.new_cache(2)
    pieces = torch.cat([model(piece, cache) for piece in tokens.split((5, 1, 6), 1)], 1)
    torch.testing.assert_close(pieces, model(tokens), atol=1e-10, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_a_forward_pass_changes_no_weight_and_no_bias(training):
    model = build_model().train(training)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    names = sorted(vars(model.layers[0].ffn.router)), sorted(vars(model.layers[0].ffn))
    model(torch.zeros(2, 5, dtype=torch.long)).sum().backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert names == (sorted(vars(model.layers[0].ffn.router)), sorted(vars(model.layers[0].ffn)))
