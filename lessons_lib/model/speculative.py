"""Speculative decoding: an MTP module writes a draft, one pass of the main model judges all of it.

Three ideas:
  draft   a module knows the main model's state and the newest token, and says what may come next, for the
          price of one block; for a longer draft it goes on from its own state;
  judge   the main model reads the draft in one pass, which costs little more than reading one token, and
          says at every place what it would have written there. What it agrees with stays, and the pass
          gives one token more: in place of the first draft refused, or behind the last;
  exact   a draft x is kept with probability min(1, target(x) / draft(x)), and replaced by a draw from
          max(0, target - draft), scaled. The text then has the main model's own distribution, and at
          temperature 0 it is the same text (but for rounding: a pass of two tokens adds up in another order).

Caches hold what was read, refused drafts too, so both are rewound to what was written. One text at a time:
several would be refused at different places.

Source: DeepSeek-V3 report, arXiv:2412.19437, section 5.4.3; the rule: Chen et al., arXiv:2302.01318,
Algorithm 2, and Leviathan et al., arXiv:2211.17192. One writes p for the target, the other for the draft; so
here the two are called by name. Letters: K drafts of a pass, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor, nn

from lessons_lib.arguments import instance, takes, whole
from lessons_lib.model.cache import Cache
from lessons_lib.model.generation import Writer, refuse_writing

Chooser = Callable[[Tensor], int]  # from weights (n,), which need not add up to 1, to an index


class Drafter(Writer, Protocol):
    """What drafting asks of a model besides: its parts, and an MTP module with a cache of its own."""

    embed: nn.Embedding
    head: nn.Linear

    def hidden_states(self, tokens: Tensor, cache: Cache | None = None) -> Tensor: ...

    def look_ahead(self, hidden: Tensor, following: Tensor, cache: Cache | None = None) -> Tensor: ...

    def new_mtp_cache(self, batch: int, max_len: int | None = None) -> Cache: ...


@dataclass(frozen=True, eq=False)
class Speculation:
    """A text (1, position), prompt included, and what it cost."""

    text: Tensor = field(repr=False)
    passes: int  # of the main model, that of the prompt among them
    judged: int  # drafts that the main model gave an opinion on: none behind a refused one
    accepted: int  # of these

    @property
    def acceptance(self) -> float:
        """The share of judged drafts that stayed; nan where none was judged."""
        return self.accepted / self.judged if self.judged else float("nan")


def draws(generator: torch.Generator | None) -> Chooser:
    """Return a function that draws an index with chances in proportion to its weights."""
    return lambda weights: int(torch.multinomial(weights, 1, generator=generator))


def likeliest(weights: Tensor) -> int:
    """Return the index of the largest weight: the chooser of temperature 0."""
    return int(weights.argmax())


@takes(draft="float drafts vocabulary", target="float places vocabulary")
def accept_draft(drafted: list[int], draft: Tensor, target: Tensor, choose: Chooser) -> tuple[list[int], int]:
    """Return the tokens that a pass writes, and how many of them are drafts.

    `draft` (K, V) are the probabilities from which the K tokens were drawn, `target` (K + 1, V) the main
    model's at the same places, and at the one behind. Returns at least one token, at most K + 1.
    """
    instance(Callable, choose=choose)
    instance((list, tuple), drafted=drafted)
    if len(draft) != len(drafted) or len(target) != len(drafted) + 1:
        raise ValueError(
            f"{len(drafted)} drafts need as many rows of draft and one more of target, "
            f"got {len(draft)} and {len(target)}"
        )
    for i, token in enumerate(drafted):
        whole(0, target.shape[1] - 1, token=token)
        if not draft[i, token] > 0:
            raise ValueError(f"token {token} cannot have been drawn: its chance was {draft[i, token]:g}")
        kept = min(1.0, (target[i, token] / draft[i, token]).item())
        if not choose(torch.tensor([1 - kept, kept], dtype=torch.float64)):
            missing = (target[i] - draft[i]).clamp(min=0)  # what the draft gave too little of a chance
            return [*drafted[:i], choose(missing if missing.any() else target[i])], i
    return [*drafted, choose(target[-1])], len(drafted)


def agree(drafted: list[int], best: list[int]) -> tuple[list[int], int]:
    """Return the same at temperature 0, where `best` (K + 1) are the main model's likeliest tokens."""
    kept = 0
    while kept < len(drafted) and drafted[kept] == best[kept]:
        kept += 1
    return best[: kept + 1], kept


def speculate(
    model: Drafter,
    tokens: Tensor,
    max_new_tokens: int,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
    *,
    drafts: int = 1,
    choose: Chooser | None = None,
) -> Speculation:
    """Continue `tokens` (1, position) as `model.generate` does, with up to `drafts` drafted tokens a pass.

    `choose` replaces the random draws, for who wants to see all that can happen. Raises ValueError for more
    than one text, a model without MTP module, and whatever `generate` refuses.
    """
    _refuse(model, tokens, max_new_tokens, temperature, drafts)
    choose = choose or draws(generator)
    text, n_prompt = tokens[0].tolist(), tokens.shape[1]
    end = n_prompt + max_new_tokens
    main, own = model.new_cache(1, end), model.new_mtp_cache(1, end)
    passes = judged = accepted = 0
    drafted: list[int] = []
    with torch.inference_mode():
        draft = model.embed.weight.new_zeros(0, model.config.vocab_size)  # (K, V), what `drafted` came from
        while len(text) < end:
            read = text[main.length :] + drafted
            hidden = model.hidden_states(torch.tensor([read], device=tokens.device), main)  # (1, read, dim)
            hidden_from = main.length - len(read)
            logits = model.head(hidden[0, -len(drafted) - 1 :])  # (K + 1, V)
            if temperature == 0:
                written, kept = agree(drafted, logits.argmax(-1).tolist())
            else:
                written, kept = accept_draft(drafted, draft, (logits / temperature).softmax(-1), choose)
            passes, accepted = passes + 1, accepted + kept
            judged += min(kept + 1, len(drafted))
            text += written
            main.rewind(len(text) - 1)  # the newest token is not read yet, refused ones are forgotten
            own.rewind(min(own.length, hidden_from))  # a longer draft went on from states of its own
            ahead = min(drafts, end - len(text) - 1)
            if ahead > 0:
                known = hidden[:, own.length - hidden_from : len(text) - 1 - hidden_from]
                drafted, draft = _draft(model, known, text[own.length + 1 :], own, ahead, temperature, choose)
            else:
                drafted, draft = [], draft[:0]
    return Speculation(torch.tensor([text], device=tokens.device), passes, judged, accepted)


def _draft(model, hidden, following, cache, n, temperature, choose) -> tuple[list[int], Tensor]:
    """Return `n` tokens that may come next, and the probabilities (n, V) from which they were drawn."""
    drafted, rows = [], []
    for _ in range(n):
        read = torch.tensor([following], device=hidden.device)
        hidden = model.look_ahead(hidden, read, cache)[:, -1:]
        logits = model.head(hidden[0])  # (1, V)
        if temperature == 0:
            drafted.append(likeliest(logits[0]))
        else:
            rows.append((logits / temperature).softmax(-1))
            drafted.append(choose(rows[-1][0]))
        following = drafted[-1:]
    return drafted, torch.cat(rows) if rows else hidden[0]


def _refuse(model, tokens: Tensor, max_new_tokens: int, temperature: float, drafts: int) -> None:
    instance(nn.Module, model=model)
    refuse_writing(model, tokens, max_new_tokens, temperature)
    instance(int, drafts=drafts)
    if len(tokens) != 1:
        raise ValueError(f"speculative decoding writes one text at a time, got a batch of {len(tokens)}")
    if model.config.n_mtp_layers == 0:
        raise ValueError("this model has no MTP module to draft with: its configuration has n_mtp_layers=0")
    if drafts < 0:
        raise ValueError(f"the number of drafts cannot be negative, got {drafts}")
