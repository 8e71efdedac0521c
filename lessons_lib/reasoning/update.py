"""From verdicts to one step of the optimizer: rewards, advantages, the loss in pieces.

Rewards are weighed sums of what the verifier found; advantages say how much more likely each answer is to
become; the loss is `grpo_loss`. The answers are sorted by length and learned from in a few pieces, which
saves padding and changes nothing: a test compares with one piece. A prompt is read once for all of its
answers in a piece, as it is in sampling; gradients reach it from each of them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lessons_lib.config import RLConfig
from lessons_lib.model import Transformer
from lessons_lib.model.cache import SharedPrompts
from lessons_lib.reasoning.grpo import group_advantages, grpo_loss
from lessons_lib.reasoning.sampling import Rollout
from lessons_lib.reasoning.tasks import Earned
from lessons_lib.signatures import checked

CHUNKS = 4  # pieces that a step's answers are learned from in


@checked(verdicts="1..")
def rewards_of(verdicts: Sequence[Earned], config: RLConfig) -> Tensor:
    """Weigh accuracy, format and language; (answers,)."""
    weights = torch.tensor([config.accuracy_weight, config.format_weight, config.language_weight])
    earned = torch.tensor([[v.accuracy, v.format, v.language] for v in verdicts])
    return earned @ weights


@checked(rewards="float answers")
def advantages_of(rewards: Tensor, verdicts: Sequence[Earned], config: RLConfig) -> Tensor:
    """Return how much more likely each answer is to become, (answers,); see `RLConfig.advantage`."""
    if len(rewards) != len(verdicts):
        raise ValueError(f"{len(rewards)} rewards are not those of {len(verdicts)} verdicts")
    if config.advantage == "correct":
        return torch.tensor([v.accuracy for v in verdicts])
    if config.advantage == "reward":
        return rewards
    return group_advantages(rewards, config.group_size, config.normalize_std)


@checked(advantages="float answers")
def update(
    model: Transformer,
    optimizer,
    rollout: Rollout,
    advantages: Tensor,
    config: RLConfig,
    reference: Transformer | None = None,
) -> tuple[float, float]:
    """Take one step on a rollout; return the loss and the length of the gradient before it is clipped.

    Answers whose advantage is 0 have no gradient and are left out, unless there is a reference.
    """
    counts = advantages != 0 if reference is None else torch.ones_like(advantages, dtype=torch.bool)
    rows = counts.nonzero()[:, 0]
    optimizer.zero_grad()
    total = 0.0
    if len(rows):
        rows = rows[rollout.lengths[rows].argsort()]
        for some in rows.chunk(CHUNKS):
            loss = _chunk_loss(model, rollout, some, advantages, config, reference)
            loss.backward()
            total += loss.item()
    norm = nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.grad_clip).item()
    if len(rows):
        optimizer.step()
    return total, norm


def _chunk_loss(model, rollout: Rollout, rows: Tensor, advantages, config: RLConfig, reference) -> Tensor:
    """Return the part of `rows` in the loss of the whole rollout."""
    length = int(rollout.lengths[rows].max())
    mask = rollout.mask[rows, :length]
    by_token = config.aggregation in ("bnpo", "dapo")
    share = int(mask.sum()) / int(rollout.mask.sum()) if by_token else len(rows) / len(rollout.mask)
    asked, of_row = (rows // config.group_size).unique(return_inverse=True)
    said = rollout.prompts[asked], rollout.tokens[rows, :length], config.temperature, of_row
    logps = score(model, *said)
    with torch.no_grad():
        ref = None if reference is None else score(reference, *said)
    loss = grpo_loss(
        logps,
        rollout.logps[rows, :length] if config.updates > 1 else None,
        advantages[rows],
        mask,
        ref_logps=ref,
        beta=config.beta,
        clip_low=config.clip_low,
        clip_high=config.clip_high,
        aggregation=config.aggregation,
        level=config.level,
        max_len=config.max_new,
    )
    return loss * share


@checked(prompts="whole problems prompt", tokens="whole rows n", temperature="0<..", of_row="whole rows")
def score(
    model: Transformer,
    prompts: Tensor,
    tokens: Tensor,
    temperature: float = 1.0,
    of_row: Tensor | None = None,
) -> Tensor:
    """Return the log-probability of each of `tokens` (rows, n) behind its prompt, at a temperature.

    Row i answers prompts[of_row[i]], None: prompts[i]. A prompt is read once for all of its answers.
    """
    if of_row is None:
        of_row = torch.arange(len(prompts), device=prompts.device)
    if len(of_row) != len(tokens) or not 0 <= int(of_row.min()) <= int(of_row.max()) < len(prompts):
        raise ValueError(f"{len(tokens)} answers to {len(prompts)} prompts need as many of_row, got {of_row}")
    shared = SharedPrompts(len(prompts), prompts.shape[1] + tokens.shape[1])
    logits = model(prompts, shared)[:, -1:].index_select(0, of_row)  # (rows, 1, V), of the first token
    if tokens.shape[1] > 1:
        logits = torch.cat([logits, model(tokens[:, :-1], shared.of(of_row))], dim=1)  # (rows, n, V)
    return (logits / temperature).log_softmax(-1).gather(-1, tokens[:, :, None])[..., 0]
