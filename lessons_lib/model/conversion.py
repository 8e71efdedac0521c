"""Give a trained model a smaller cache: its own heads, averaged, aligned or rebuilt from a latent.

Four ideas, none of which trains anything:
  average   heads of a group share the mean of their keys and of their values (Ainslie et al.,
            arXiv:2305.13245, section 2.1);
  align     a head's keys and queries can be turned alike, pair by pair, and no score changes; its values
            can be turned if the output matrix turns them back. So the heads of a group can be turned
            towards each other first, and then averaged;
  compress  keys and values of all heads are rebuilt from the few directions that hold most of them, and
            both from the same numbers. The keys are turned by their position after that;
  once      the matrix that makes the latent is one module, which keys and values share: what trains the
            model further moves it for both.

Letters: h heads, g heads of a group, d width of a head, i pairs of a head (d / 2), D model width, T tokens.
"""

import copy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from lessons_lib.arguments import instance, takes, whole
from lessons_lib.model.transformer import Transformer


def average_heads(model: Transformer, sets: int) -> Transformer:
    """Return the model as grouped attention: a set is the mean of its heads' keys and of their values.

    Raises ValueError where `sets` does not divide the model's sets of keys and values.
    """
    have = _sets(model)
    whole(sets=sets)
    if have % sets:
        raise ValueError(f"{have} sets of keys and values can't be averaged to sets={sets}")
    with torch.random.fork_rng(devices=[]):  # a new model draws first weights: not ours
        shared = Transformer(replace(model.config, n_kv_heads=sets)).to(model.embed.weight.dtype)
    weights = model.state_dict()
    for name in weights:
        if name.endswith(("wk.weight", "wv.weight")):  # (h d, D), heads in order
            weights[name] = weights[name].unflatten(0, (sets, have // sets, -1)).mean(1).flatten(0, 1)
    shared.load_state_dict(weights)
    return shared.eval()


@takes(tokens="whole batch position")
@torch.no_grad()
def align_heads(model: Transformer, tokens: Tensor, sets: int) -> Transformer:
    """Return a model that computes the same, its heads turned towards each other in `sets` groups.

    How is measured on `tokens` (batch, position). Raises ValueError for a model whose heads share already.
    """
    have = _sets(model)
    whole(sets=sets)
    if have != model.config.n_heads or have % sets:
        raise ValueError(f"{model.config.n_heads} heads with {have} sets can't be aligned in {sets} groups")
    aligned = copy.deepcopy(model)
    for a, x in zip(_attentions(aligned), attention_inputs(model, tokens)):
        for group in torch.arange(have).chunk(sets):
            rows = (group[:, None] * a.head_dim + torch.arange(a.head_dim)).flatten()  # of the group's heads
            _align_keys(a, x, rows)
            _align_values(a, x, rows)
    return aligned.eval()


def _align_keys(a: Any, x: Tensor, rows: Tensor) -> None:
    """Turn pair by pair keys and queries of the heads in `rows` (g d); x is (T, D)."""
    keys, queries = _pairs(a.wk.weight[rows], a.head_dim), _pairs(a.wq.weight[rows], a.head_dim)  # (g, i, D)
    z = torch.einsum("td,gid->itg", x.double().to(torch.complex128), keys)
    main = torch.linalg.eigh(z.mT @ z.conj()).eigenvectors[..., -1]  # (i, g): z is nearest to a (T) main (g)
    back = (main / main.abs()).conj().T[..., None]  # (g, i, 1), of length 1
    a.wk.weight[rows] = _real(keys * back).to(a.wk.weight.dtype)
    a.wq.weight[rows] = _real(queries * back).to(a.wq.weight.dtype)


def _align_values(a: Any, x: Tensor, rows: Tensor) -> None:
    """Turn values of the heads in `rows` (g d) towards their mean, and the output matrix back."""
    w = a.wv.weight[rows].double().unflatten(0, (-1, a.head_dim))  # (g, d, D)
    v = torch.einsum("td,ged->gte", x.double(), w)  # (g, T, d)
    turn = torch.eye(a.head_dim, dtype=torch.float64).repeat(len(v), 1, 1)  # (g, d, d)
    for _ in range(20):  # each head towards the mean of all, until they agree
        mean = (v @ turn).mean(0)
        u, _, vh = torch.linalg.svd(v.mT @ mean)
        turn = u @ vh
    a.wv.weight[rows] = (turn.mT @ w).flatten(0, 1).to(a.wv.weight.dtype)
    out = a.wo.weight[:, rows].double().unflatten(1, (-1, a.head_dim))  # (D, g, d)
    a.wo.weight[:, rows] = torch.einsum("Dgd,gde->Dge", out, turn).flatten(1).to(a.wo.weight.dtype)


def _pairs(weight: Tensor, d: int) -> Tensor:
    """Return the rows of `weight` (g d, D) as complex numbers (g, i, D): RoPE's neighbours are one."""
    parts = weight.double().unflatten(0, (-1, d // 2, 2))
    return torch.complex(parts[:, :, 0], parts[:, :, 1])


def _real(pairs: Tensor) -> Tensor:
    return torch.stack([pairs.real, pairs.imag], dim=2).flatten(0, 2)  # (g d, D)


@takes(tokens="whole batch position")
@torch.no_grad()
def compress_heads(model: Transformer, tokens: Tensor, rank: int) -> Transformer:
    """Return the model with keys and values of all heads rebuilt from the `rank` numbers that hold most.

    Measured on `tokens` (batch, position). It has no cache of `rank` numbers yet: keys are turned after.
    """
    whole(rank=rank, most=2 * _sets(model) * model.config.width_per_head)
    small = copy.deepcopy(model)
    for a, x in zip(_attentions(small), attention_inputs(model, tokens)):
        w = torch.cat([a.wk.weight, a.wv.weight]).detach().double()  # (2 h d, D)
        main = main_directions(x.double() @ w.T, rank)
        down = _linear(main.T @ w, a.wk.weight.dtype)  # one module: the latent is made once
        a.wk, a.wv = (
            nn.Sequential(down, _linear(up, a.wk.weight.dtype))
            for up in main.tensor_split([a.wk.out_features])
        )
    return small.eval()


@takes(tokens="whole batch position")
@torch.no_grad()
def attention_inputs(model: Transformer, tokens: Tensor) -> list[Tensor]:
    """Return what each layer's attention reads of `tokens` (batch, position): one (T, D) a layer."""
    instance(Transformer, model=model)
    read: list[Tensor] = []
    hooks = [
        a.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].flatten(0, 1)))
        for a in _attentions(model)
    ]
    try:
        model(tokens)
    finally:
        for hook in hooks:
            hook.remove()
    return read


@takes(y="float tokens width")
def main_directions(y: Tensor, rank: int) -> Tensor:
    """Return the `rank` orthogonal directions (width, rank) that hold most of y's squares, largest first."""
    whole(rank=rank, most=y.shape[1])
    return torch.linalg.eigh(y.mT @ y).eigenvectors.flip(1)[:, :rank]


def _linear(weight: Tensor, dtype: torch.dtype) -> nn.Linear:
    """Return a matrix without bias that holds `weight` (out, in)."""
    new = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0], bias=False)
    new.weight = nn.Parameter(weight.to(dtype).clone())
    return new


def _sets(model: Transformer) -> int:
    """Return how many sets of keys and values plain attention has; ValueError for latent attention."""
    instance(Transformer, model=model)
    if model.config.kv_lora_rank is not None:
        raise ValueError("this model's attention is latent: it has no keys and values of its own to convert")
    return model.config.kv_heads


def _attentions(model: Transformer) -> list[Any]:
    layers: list[Any] = list(model.layers)
    return [layer.attention for layer in layers]
