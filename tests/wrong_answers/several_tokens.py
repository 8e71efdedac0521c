"""Lesson 08: answers to the exercises on MTP modules and on speculative decoding."""

import torch
import torch.nn.functional as F

from lessons_lib.checks.several_tokens.accept import ACCEPT
from lessons_lib.checks.several_tokens.judge import JUDGE_DRAFTS
from lessons_lib.checks.several_tokens.loss import MTP_LOSS
from lessons_lib.checks.several_tokens.module import MTP_LOGITS
from lessons_lib.checks.several_tokens.step import SPECULATIVE_STEP
from lessons_lib.checks.several_tokens.targets import MTP_TARGETS
from lessons_lib.config import ModelConfig
from lessons_lib.model import MultiToken, RMSNorm, mtp_loss
from wrong_answers import refused, right, wrong


@right(MTP_TARGETS)
def cut_at_both_ends(tokens, k):
    return tokens[:, k:-1], tokens[:, k + 1 :]


@right(MTP_TARGETS)
def windows_of_the_text(tokens, k):
    pieces = tokens.unfold(1, k + 2, 1)
    return pieces[..., -2], pieces[..., -1]


@right(MTP_TARGETS)
def token_by_token(tokens, k):
    positions = range(tokens.shape[1] - 1 - k)
    read = [[text[i + k] for i in positions] for text in tokens.tolist()]
    return torch.tensor(read), torch.tensor(
        [[text[i + k + 1] for i in positions] for text in tokens.tolist()]
    )


@wrong(MTP_TARGETS, "label equal to the input")
def read_for_both(tokens, k):
    read = tokens[:, k:-1]
    return read, read.clone()


@wrong(MTP_TARGETS, "label equal to the input")
def label_for_both(tokens, k):
    return tokens[:, k + 1 :], tokens[:, k + 1 :]


@wrong(MTP_TARGETS, "label equal to the input")
def up_to_the_end_for_both(tokens, k):
    rest = torch.stack([text[k:] for text in tokens])
    return rest, rest


@wrong(MTP_TARGETS, "shift by one too many")
def two_after_what_is_read(tokens, k):
    return tokens[:, k:-2], tokens[:, k + 2 :]


@wrong(MTP_TARGETS, "shift by one too many")
def module_after_this_one(tokens, k):
    pieces = tokens.unfold(1, k + 3, 1)
    return pieces[..., -2], pieces[..., -1]


@wrong(MTP_TARGETS, "shift by one too many")
def label_alone_too_far(tokens, k):
    read = tokens[:, k : tokens.shape[1] - 1]
    return read, torch.stack([text[2 + k :] for text in tokens])


@wrong(MTP_TARGETS, "shift by one too few")
def counted_from_zero(tokens, k):
    return tokens[:, k - 1 : -1], tokens[:, k:]


@wrong(MTP_TARGETS, "shift by one too few")
def module_before_this_one(tokens, k):
    n = tokens.shape[1] - 1 - k
    at = torch.arange(n)
    return tokens[:, at + k - 1], tokens[:, at + k]


@wrong(MTP_TARGETS, "the same for every module")
def always_the_first(tokens, k):
    return tokens[:, 1:-1], tokens[:, 2:]


@wrong(MTP_TARGETS, "the same for every module")
def number_used_for_the_length_only(tokens, k):
    n = tokens.shape[1] - 1 - k
    return tokens.narrow(1, 1, n), tokens.narrow(1, 2, n)


@wrong(MTP_TARGETS, "reads the token of its own position")
def embedding_of_the_hidden_state_s_token(tokens, k):
    label = tokens[:, k + 1 :]
    return tokens[:, : label.shape[1]], label


@wrong(MTP_TARGETS, "reads the token of its own position")
def main_model_s_input(tokens, k):
    return tokens[:, :-1], tokens[:, k + 1 :]


@wrong(MTP_TARGETS, "wrapped round")
def rolled_and_cut(tokens, k):
    n = tokens.shape[1] - 1
    return tokens.roll(-k, dims=1)[:, :n], tokens.roll(-(k + 1), dims=1)[:, :n]


@wrong(MTP_TARGETS, "wrapped round")
def counted_by_the_remainder(tokens, k):
    at = torch.arange(tokens.shape[1])
    return tokens[:, (at + k) % len(at)], tokens[:, (at + k + 1) % len(at)]


def sum_of_losses(logits, labels):
    """Return the summed cross-entropy of the first positions that have labels."""
    logits = logits[:, : labels.shape[1]]
    return F.cross_entropy(logits.flatten(0, 1), labels[:, : logits.shape[1]].flatten(), reduction="sum")


@right(MTP_LOSS)
def module_by_module(logits, tokens, weight):
    total, (depth, batch, length, _) = 0.0, logits.shape
    for k in range(1, depth + 1):
        total = total + sum_of_losses(logits[k - 1], tokens[:, k + 1 :]) / (batch * length)
    return weight / depth * total


@right(MTP_LOSS)
def by_gathering(logits, tokens, weight):
    logps, length, losses = logits.log_softmax(-1), logits.shape[2], []
    for k, rows in enumerate(logps, 1):
        picked = rows[:, : length - k].gather(-1, tokens[:, k + 1 :, None]).squeeze(-1)
        losses.append(-picked.sum(1) / length)
    return weight * torch.stack(losses).mean()


@right(MTP_LOSS)
def by_labels_to_ignore(logits, tokens, weight):
    depth, batch, length, vocab = logits.shape
    labels = torch.full((depth, batch, length), -100)
    for k in range(1, depth + 1):
        labels[k - 1, :, : length - k] = tokens[:, k + 1 :]
    loss = F.cross_entropy(logits.reshape(-1, vocab), labels.reshape(-1), reduction="sum")
    return weight * loss / labels.numel()


@right(MTP_LOSS)
def by_the_library(logits, tokens, weight):
    cut = [rows[:, : tokens.shape[1] - 1 - k] for k, rows in enumerate(logits, 1)]
    return weight * mtp_loss(cut, tokens)


@wrong(MTP_LOSS, "label equal to the input")
def scored_on_what_was_read(logits, tokens, weight):
    depth, batch, length, _ = logits.shape
    each = [sum_of_losses(logits[k - 1][:, : length - k], tokens[:, k:]) for k in range(1, depth + 1)]
    return weight * sum(each) / (depth * batch * length)


@wrong(MTP_LOSS, "label equal to the input")
def modules_counted_from_zero(logits, tokens, weight):
    losses = [sum_of_losses(rows, tokens[:, k + 1 :]) for k, rows in enumerate(logits)]
    return weight * torch.stack(losses).mean() / logits[0, :, :, 0].numel()


@wrong(MTP_LOSS, "shift by one too many")
def one_further(logits, tokens, weight):
    depth, batch, length, _ = logits.shape
    each = [sum_of_losses(logits[k], tokens[:, k + 3 :]) for k in range(depth)]
    return weight * sum(each) / (depth * batch * length)


@wrong(MTP_LOSS, "shift by one too many")
def labels_shifted_twice(logits, tokens, weight):
    loss, labels = 0.0, tokens[:, 1:]
    for k, rows in enumerate(logits, 1):
        later = labels[:, k + 1 :]
        picked = rows.log_softmax(-1)[:, : later.shape[1]].gather(-1, later.unsqueeze(-1))
        loss = loss - picked.sum(1).mean() / rows.shape[1]
    return loss * weight / len(logits)


@wrong(MTP_LOSS, "the same label for every module")
def two_ahead_for_all(logits, tokens, weight):
    depth, batch, length, _ = logits.shape
    return weight * sum(sum_of_losses(x, tokens[:, 2:]) for x in logits) / (depth * batch * length)


@wrong(MTP_LOSS, "the same label for every module")
def main_model_s_labels(logits, tokens, weight):
    labels = tokens[:, 1:].expand(len(logits), -1, -1)
    return weight * F.cross_entropy(logits.flatten(0, 2), labels.reshape(-1))


@wrong(MTP_LOSS, "the same label for every module")
def two_ahead_cut_to_each_module(logits, tokens, weight):
    depth, batch, length, _ = logits.shape
    total = 0.0
    for k in range(1, depth + 1):
        total += sum_of_losses(logits[k - 1][:, : length - k], tokens[:, 2:]).item()
    return torch.tensor(weight * total / depth / batch / length)


@wrong(MTP_LOSS, "last positions for first")
def cut_in_front(logits, tokens, weight):
    depth, batch, length, _ = logits.shape
    each = [sum_of_losses(logits[k - 1][:, k:], tokens[:, k + 1 :]) for k in range(1, depth + 1)]
    return weight * sum(each) / (depth * batch * length)


@wrong(MTP_LOSS, "last positions for first")
def aligned_at_the_end(logits, tokens, weight):
    losses = []
    for k, rows in enumerate(logits.log_softmax(-1), 1):
        labels = tokens[:, k + 1 :]
        rows = rows[:, -labels.shape[1] :]
        losses.append(-rows.gather(-1, labels[..., None]).sum() / logits.shape[2])
    return weight * sum(losses) / len(losses) / len(tokens)


@wrong(MTP_LOSS, "labels wrapped round")
def rolled_labels(logits, tokens, weight):
    losses = []
    for k, rows in enumerate(logits, 1):
        labels = tokens.roll(-(k + 1), 1)[:, : rows.shape[1]]
        losses.append(F.cross_entropy(rows.flatten(0, 1), labels.flatten()))
    return weight * sum(losses) / len(losses)


@wrong(MTP_LOSS, "labels wrapped round")
def taken_by_the_remainder(logits, tokens, weight):
    depth, batch, length, vocab = logits.shape
    ahead = torch.arange(1, depth + 1)[:, None] + torch.arange(length) + 1
    labels = tokens[:, ahead % (length + 1)].transpose(0, 1)
    return weight * F.cross_entropy(logits.reshape(-1, vocab), labels.reshape(-1))


@wrong(MTP_LOSS, "divided by what is added up")
def mean_of_cross_entropy(logits, tokens, weight):
    length, losses = logits.shape[2], []
    for k, rows in enumerate(logits, 1):
        losses.append(F.cross_entropy(rows[:, : length - k].mT, tokens[:, k + 1 :]))
    return weight * torch.stack(losses).mean()


@wrong(MTP_LOSS, "divided by what is added up")
def divided_by_the_labels(logits, tokens, weight):
    each = [(x, tokens[:, k + 1 :]) for k, x in enumerate(logits, 1)]
    return weight / len(each) * sum(sum_of_losses(x, labels) / labels.numel() for x, labels in each)


@wrong(MTP_LOSS, "sum over the modules")
def added_up(logits, tokens, weight):
    return module_by_module(logits, tokens, weight) * len(logits)


@wrong(MTP_LOSS, "sum over the modules")
def weight_for_each(logits, tokens, weight):
    total = 0.0
    for k, rows in enumerate(logits, 1):
        total = total + weight * sum_of_losses(rows, tokens[:, k + 1 :]) / rows[..., 0].numel()
    return total


@wrong(MTP_LOSS, "sum over the texts")
def divided_by_positions_alone(logits, tokens, weight):
    each = [sum_of_losses(x, tokens[:, k + 1 :]) for k, x in enumerate(logits, 1)]
    return weight * sum(each) / (len(logits) * logits.shape[2])


@wrong(MTP_LOSS, "sum over the texts")
def text_by_text(logits, tokens, weight):
    return sum(module_by_module(logits[:, [b]], tokens[[b]], weight) for b in range(len(tokens)))


def normed(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


@right(MTP_LOGITS)
def as_in_the_report(table, hidden, read, projection, block):
    pair = torch.cat([normed(hidden), normed(table[read])], dim=-1)
    return block(pair @ projection.T) @ table.T


@right(MTP_LOGITS)
def halves_of_the_projection(table, hidden, read, projection, block):
    norm = RMSNorm(table.shape[1])
    for_hidden, for_token = projection.chunk(2, dim=1)
    x = norm(hidden) @ for_hidden.T + norm(F.embedding(read, table)) @ for_token.T
    return torch.einsum("btd,vd->btv", block(x), table)


@right(MTP_LOGITS)
def by_linear_and_rms_norm(table, hidden, read, projection, block):
    width = hidden.shape[-1:]
    pair = [F.rms_norm(x, width, eps=1e-6) for x in (hidden, F.embedding(read, table))]
    return F.linear(block(F.linear(torch.cat(pair, -1), projection)), table)


class Given(torch.nn.Module):
    """A matrix or a block that was handed over, as a layer of the library's module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x, *others):
        return self.function(x)


@right(MTP_LOGITS)
def module_of_the_library(table, hidden, read, projection, block):
    config = ModelConfig(vocab_size=len(table), dim=table.shape[1], n_layers=1, n_heads=1, head_dim=2)
    join = Given(lambda x: F.linear(x, projection))
    module = MultiToken(config, Given(block), linear=lambda *sizes, bias: join)
    module.norm = torch.nn.Identity()  # the block of this exercise has it
    return F.linear(module(hidden, F.embedding(read, table), None), table)


@wrong(MTP_LOGITS, "embedding not shared")
def layer_filled_with_a_copy(table, hidden, read, projection, block):
    embedding = torch.nn.Embedding(*table.shape)
    embedding.weight.data.copy_(table)
    pair = torch.cat([normed(hidden), normed(embedding(read))], dim=-1)
    return F.linear(block(pair @ projection.T), table)


@wrong(MTP_LOGITS, "embedding not shared")
def embedding_from_pretrained(table, hidden, read, projection, block):
    embedding = torch.nn.Embedding.from_pretrained(table)
    pair = torch.cat([normed(hidden), normed(embedding(read))], dim=-1)
    return block(pair @ projection.T) @ table.T


@wrong(MTP_LOGITS, "embedding not shared")
def embedding_and_head_of_its_own(table, hidden, read, projection, block):
    own = torch.nn.Parameter(table.detach().clone())
    return as_in_the_report(own, hidden, read, projection, block)


@wrong(MTP_LOGITS, "embedding not shared")
def weights_copied_into_an_embedding(table, hidden, read, projection, block):
    embedding = torch.nn.Embedding(*table.shape, _weight=table.detach().clone())
    pair = torch.cat([normed(hidden), normed(embedding(read))], dim=-1)
    return block(pair @ projection.T) @ table.T


@wrong(MTP_LOGITS, "embedding not shared")
def all_of_it_without_gradients(table, hidden, read, projection, block):
    with torch.no_grad():
        return as_in_the_report(table, hidden, read, projection, block)


@wrong(MTP_LOGITS, "head not shared")
def head_of_its_own(table, hidden, read, projection, block):
    head = torch.nn.Parameter(table.data.clone())
    x = torch.cat([normed(hidden), normed(table[read])], dim=-1) @ projection.T
    return F.linear(block(x), head)


@wrong(MTP_LOGITS, "head not shared")
def head_frozen(table, hidden, read, projection, block):
    pair = torch.cat([normed(hidden), normed(F.embedding(read, table))], dim=-1)
    return block(pair @ projection.mT) @ table.detach().mT


@wrong(MTP_LOGITS, "main model cut off")
def hidden_detached(table, hidden, read, projection, block):
    return as_in_the_report(table, hidden.detach(), read, projection, block)


@wrong(MTP_LOGITS, "main model cut off")
def norm_without_a_gradient(table, hidden, read, projection, block):
    with torch.no_grad():
        state = normed(hidden)
    return block(torch.cat([state, normed(table[read])], -1) @ projection.T) @ table.T


@wrong(MTP_LOGITS, "embedding first")
def as_in_the_released_files(table, hidden, read, projection, block):
    pair = torch.cat([normed(table[read]), normed(hidden)], dim=-1)
    return block(pair @ projection.T) @ table.T


@wrong(MTP_LOGITS, "embedding first")
def halves_exchanged(table, hidden, read, projection, block):
    dim = table.shape[1]
    x = normed(hidden) @ projection[:, dim:].T + normed(table[read]) @ projection[:, :dim].T
    return block(x) @ table.T


@wrong(MTP_LOGITS, "hidden state not normed")
def hidden_as_it_comes(table, hidden, read, projection, block):
    pair = torch.cat([hidden, normed(table[read])], dim=-1)
    return block(pair @ projection.T) @ table.T


@wrong(MTP_LOGITS, "hidden state not normed")
def halves_with_one_norm(table, hidden, read, projection, block):
    norm, dim = RMSNorm(table.shape[1]), table.shape[1]
    x = hidden @ projection[:, :dim].T + norm(F.embedding(read, table)) @ projection[:, dim:].T
    return F.linear(block(x), table)


@wrong(MTP_LOGITS, "embedding not normed")
def embedding_as_it_comes(table, hidden, read, projection, block):
    return block(torch.cat([normed(hidden), table[read]], dim=-1) @ projection.T) @ table.T


@wrong(MTP_LOGITS, "embedding not normed")
def main_model_s_norm_only(table, hidden, read, projection, block):
    state = F.rms_norm(hidden, hidden.shape[-1:], eps=1e-6)
    x = F.linear(torch.cat([state, F.embedding(read, table)], -1), projection)
    return F.linear(block(x), table)


@wrong(MTP_LOGITS, "one norm for both")
def normed_together(table, hidden, read, projection, block):
    pair = normed(torch.cat([hidden, table[read]], dim=-1))
    return block(pair @ projection.T) @ table.T


@wrong(MTP_LOGITS, "one norm for both")
def normed_by_the_library_together(table, hidden, read, projection, block):
    norm = RMSNorm(2 * table.shape[1])
    return F.linear(block(F.linear(norm(torch.cat([hidden, table[read]], -1)), projection)), table)


@wrong(MTP_LOGITS, "block left out")
def projection_and_head(table, hidden, read, projection, block):
    return torch.cat([normed(hidden), normed(table[read])], dim=-1) @ projection.T @ table.T


@wrong(MTP_LOGITS, "block left out")
def block_called_and_forgotten(table, hidden, read, projection, block):
    x = F.linear(torch.cat([normed(hidden), normed(F.embedding(read, table))], -1), projection)
    block(x)
    return F.linear(x, table)


@wrong(MTP_LOGITS, "a norm behind the block")
def a_last_norm(table, hidden, read, projection, block):
    def normed(x):
        return x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)

    state = torch.cat([normed(hidden), normed(table[read])], dim=-1) @ projection.T
    return normed(block(state)) @ table.T


@wrong(MTP_LOGITS, "a norm behind the block")
def torchs_norm_three_times(table, hidden, read, projection, block):
    norm = torch.nn.functional.rms_norm
    width = hidden.shape[-1:]
    pair = torch.cat([norm(hidden, width, eps=1e-6), norm(table[read], width, eps=1e-6)], -1)
    return torch.einsum("btd,vd->btv", norm(block(pair @ projection.mT), width, eps=1e-6), table)


def coins(chances, generator):
    """Return True with these chances (n,)."""
    return torch.rand(len(chances), generator=generator) < chances


def drawn(weights, n, generator):
    return torch.multinomial(weights, n, replacement=True, generator=generator)


@right(ACCEPT)
def all_at_once(drafted, draft, target, generator):
    accepted = coins((target / draft)[drafted], generator)
    other = drawn((target - draft).clamp(min=0), len(drafted), generator)
    return torch.where(accepted, drafted, other)


@right(ACCEPT)
def one_text_after_the_other(drafted, draft, target, generator):
    residual, out = (target - draft).relu(), []
    for token in drafted.tolist():
        if torch.rand((), generator=generator) < target[token] / draft[token]:
            out.append(token)
        else:
            out.append(int(torch.multinomial(residual, 1, generator=generator)))
    return torch.tensor(out)


@right(ACCEPT)
def by_the_table_of_chances(drafted, draft, target, generator):
    accepted = (target / draft).clamp(max=1)
    residual = target - torch.minimum(target, draft)
    table = accepted.diag() + (1 - accepted)[:, None] * residual / residual.sum()
    return torch.multinomial(table[drafted], 1, generator=generator)[:, 0]


@right(ACCEPT)
def without_dividing(drafted, draft, target, generator):
    u = torch.rand(len(drafted), generator=generator)
    written = drafted.clone()
    rejected = u * draft[drafted] >= target[drafted]
    missing = torch.where(target > draft, target - draft, 0.0)
    written[rejected] = drawn(missing, int(rejected.sum()), generator) if rejected.any() else 0
    return written


@wrong(ACCEPT, "accepted by argmax")
def best_or_residual(drafted, draft, target, generator):
    other = drawn((target - draft).clamp(min=0), len(drafted), generator)
    return torch.where(drafted == target.argmax(), drafted, other)


@wrong(ACCEPT, "accepted by argmax")
def best_or_sampled(drafted, draft, target, generator):
    best, out = int(target.argmax()), []
    for token in drafted.tolist():
        new = int(torch.multinomial(target, 1, generator=generator))
        out.append(token if token == best else new)
    return torch.tensor(out)


@wrong(ACCEPT, "accepted by argmax")
def greedy_rule(drafted, draft, target, generator):
    return torch.full_like(drafted, int(target.argmax()))


@wrong(ACCEPT, "ratio inverted")
def draft_over_target(drafted, draft, target, generator):
    accepted = coins((draft / target)[drafted], generator)
    other = drawn((target - draft).clamp(min=0), len(drafted), generator)
    return torch.where(accepted, drafted, other)


@wrong(ACCEPT, "ratio inverted")
def letters_exchanged(drafted, draft, target, generator):
    p, q = draft, target
    u = torch.rand(len(drafted), generator=generator)
    rejected = u * q[drafted] > p[drafted]
    return torch.where(rejected, drawn((q - p).relu(), len(drafted), generator), drafted)


@wrong(ACCEPT, "ratio inverted")
def inverted_and_sampled_anew(drafted, draft, target, generator):
    accepted = coins((draft / target)[drafted], generator)
    return torch.where(accepted, drafted, drawn(target, len(drafted), generator))


@wrong(ACCEPT, "replaced from the target")
def rejected_sampled_from_the_target(drafted, draft, target, generator):
    accepted = coins((target / draft)[drafted], generator)
    return torch.where(accepted, drafted, drawn(target, len(drafted), generator))


@wrong(ACCEPT, "replaced from the target")
def loop_with_the_target(drafted, draft, target, generator):
    out = drafted.tolist()
    for i, token in enumerate(out):
        if torch.rand((), generator=generator) > target[token] / draft[token]:
            out[i] = torch.multinomial(target, 1, generator=generator).item()
    return torch.tensor(out)


@wrong(ACCEPT, "residual the wrong way round")
def draft_minus_target(drafted, draft, target, generator):
    accepted = coins((target / draft)[drafted], generator)
    return torch.where(accepted, drafted, drawn((draft - target).clamp(min=0), len(drafted), generator))


@wrong(ACCEPT, "residual the wrong way round")
def too_much_of_the_draft(drafted, draft, target, generator):
    excess = draft - torch.minimum(draft, target)
    keep = torch.rand(len(drafted), generator=generator) * draft[drafted] < target[drafted]
    written = drawn(excess, len(drafted), generator)
    written[keep] = drafted[keep]
    return written


@wrong(ACCEPT, "residual the wrong way round")
def distance_of_the_two(drafted, draft, target, generator):
    accepted = coins((target / draft)[drafted], generator)
    return torch.where(accepted, drafted, drawn((target - draft).abs(), len(drafted), generator))


@wrong(ACCEPT, "replaced by another draft")
def drafted_again(drafted, draft, target, generator):
    accepted = coins((target / draft)[drafted], generator)
    return torch.where(accepted, drafted, drawn(draft, len(drafted), generator))


@wrong(ACCEPT, "replaced by another draft")
def loop_that_drafts_again(drafted, draft, target, generator):
    out = []
    for token in drafted.tolist():
        if torch.rand((), generator=generator) >= target[token] / draft[token]:
            token = torch.multinomial(draft, 1, generator=generator).item()
        out.append(token)
    return torch.tensor(out)


@wrong(ACCEPT, "replaced by the best")
def likeliest_in_its_place(drafted, draft, target, generator):
    accepted = coins((target / draft)[drafted], generator)
    return torch.where(accepted, drafted, target.argmax())


@wrong(ACCEPT, "replaced by the best")
def largest_residual(drafted, draft, target, generator):
    written, best = drafted.clone(), (target - draft).argmax()
    written[~coins((target / draft)[drafted], generator)] = best
    return written


@wrong(ACCEPT, "accepted by the target alone")
def target_s_probability(drafted, draft, target, generator):
    accepted = coins(target[drafted], generator)
    other = drawn((target - draft).clamp(min=0), len(drafted), generator)
    return torch.where(accepted, drafted, other)


@wrong(ACCEPT, "accepted by the target alone")
def target_s_probability_twice(drafted, draft, target, generator):
    out = []
    for token in drafted.tolist():
        if torch.rand((), generator=generator) > target[token]:
            token = torch.multinomial(target, 1, generator=generator).item()
        out.append(token)
    return torch.tensor(out)


@wrong(ACCEPT, "every draft accepted")
def drafts_as_they_are(drafted, draft, target, generator):
    return drafted.clone()


@wrong(ACCEPT, "every draft accepted")
def compared_with_zero(drafted, draft, target, generator):
    ratio = (target / draft)[drafted]
    other = drawn((target - draft).clamp(min=0), len(drafted), generator)
    return torch.where(ratio >= 0, drafted, other)


@wrong(ACCEPT, "every draft thrown away")
def sampled_from_the_target(drafted, draft, target, generator):
    return drawn(target, len(drafted), generator)


@wrong(ACCEPT, "every draft thrown away")
def kept_if_drawn_again(drafted, draft, target, generator):
    out = []
    for token in drafted.tolist():
        own = torch.multinomial(target, 1, generator=generator).item()
        out.append(token if token == own else own)
    return torch.tensor(out)


def read_drafts(model, cache, last, drafted):
    """Return what the model would write after the last token and after each draft, (k + 1,)."""
    tokens = torch.cat([torch.tensor([last]), drafted])
    return model(tokens[None], cache).argmax(-1)[0]


def agreeing(own, drafted):
    n = 0
    while n < len(drafted) and own[n] == drafted[n]:
        n += 1
    return n


# --- judge_drafts


@right(JUDGE_DRAFTS)
def own_tokens_up_to_the_first_difference(own, drafted):
    n = 0
    while n < len(drafted) and drafted[n] == own[n]:
        n += 1
    return own[: n + 1]


@right(JUDGE_DRAFTS)
def first_difference_by_a_product(own, drafted):
    n = int((own[:-1] == drafted).int().cumprod(0).sum())
    return torch.cat([drafted[:n], own[[n]]])


@wrong(JUDGE_DRAFTS, "no token behind the last draft")
def as_many_as_drafts(own, drafted):
    written = []
    for guess, token in zip(drafted.tolist(), own.tolist()):
        written.append(token)
        if guess != token:
            break
    return torch.tensor(written, dtype=torch.int64)


@wrong(JUDGE_DRAFTS, "no token behind the last draft")
def drafts_alone_if_all_are_right(own, drafted):
    if torch.equal(own[:-1], drafted):
        return drafted
    return own[: agreeing(own, drafted) + 1]


@wrong(JUDGE_DRAFTS, "nothing in place of a refused draft")
def stops_at_the_refused_one(own, drafted):
    return drafted[: agreeing(own, drafted)]


@wrong(JUDGE_DRAFTS, "nothing in place of a refused draft")
def collects_what_fits_until_it_does_not(own, drafted):
    written = []
    for guess, token in zip(drafted.tolist(), own.tolist()):
        if guess != token:
            break
        written.append(guess)
    return torch.tensor(written, dtype=torch.int64)


@wrong(JUDGE_DRAFTS, "refused draft kept")
def writes_before_it_compares(own, drafted):
    written = []
    for guess, token in zip(drafted.tolist(), own.tolist()):
        written.append(guess)
        if guess != token:
            break
    return torch.tensor(written, dtype=torch.int64)


@wrong(JUDGE_DRAFTS, "refused draft kept")
def draft_and_what_would_follow(own, drafted):
    n = agreeing(own, drafted)
    return torch.cat([drafted[: n + 1], own[n + 1 : n + 2]])


@wrong(JUDGE_DRAFTS, "drafts that fit after a refused one")
def counted_everywhere(own, drafted):
    n = int((own[:-1] == drafted).sum())
    return torch.cat([drafted[:n], own[n : n + 1]])


@wrong(JUDGE_DRAFTS, "drafts that fit after a refused one")
def counted_in_a_loop_that_goes_on(own, drafted):
    n = sum(guess == token for guess, token in zip(drafted.tolist(), own.tolist()))
    return torch.tensor([*drafted.tolist()[:n], own.tolist()[n]])


@wrong(JUDGE_DRAFTS, "compared one place too late")
def with_what_follows_the_draft(own, drafted):
    n = int((own[1:] == drafted).int().cumprod(0).sum())
    return torch.cat([drafted[:n], own[n : n + 1]])


@wrong(JUDGE_DRAFTS, "compared one place too late")
def index_one_too_high(own, drafted):
    n = 0
    while n < len(drafted) and own[n + 1] == drafted[n]:
        n += 1
    return torch.cat([drafted[:n], own[n].unsqueeze(0)])


@wrong(JUDGE_DRAFTS, "all drafts or none")
def everything_or_the_first(own, drafted):
    return own if torch.equal(own[:-1], drafted) else own[:1]


@wrong(JUDGE_DRAFTS, "all drafts or none")
def one_wrong_draft_clears_all(own, drafted):
    n = 0 if (own[:-1] != drafted).any() else len(drafted)
    return torch.cat([drafted[:n], own[n : n + 1]])


@right(SPECULATIVE_STEP)
def counted_and_rewound(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    n = agreeing(own, drafted)
    cache.rewind(before + 1 + n)
    return own[: n + 1]


@right(SPECULATIVE_STEP)
def by_a_running_product(model, cache, last, drafted):
    own = model(torch.tensor([[last, *drafted.tolist()]]), cache)[0].argmax(-1)
    n = int((own[:-1] == drafted).int().cumprod(0).sum())
    cache.rewind(cache.length - (len(drafted) - n))
    return torch.cat([drafted[:n], own[n].reshape(1)])


@right(SPECULATIVE_STEP)
def lists_and_a_break(model, cache, last, drafted):
    own = read_drafts(model, cache, last, drafted).tolist()
    written, too_many = [], len(drafted)
    for guess, token in zip([*drafted.tolist(), None], own, strict=True):
        written.append(token)
        if guess != token:
            break
        too_many -= 1
    cache.rewind(cache.length - too_many)
    return torch.tensor(written)


@wrong(SPECULATIVE_STEP, "cache not rolled back")
def nothing_forgotten(model, cache, last, drafted):
    own = read_drafts(model, cache, last, drafted)
    return own[: agreeing(own, drafted) + 1]


@wrong(SPECULATIVE_STEP, "cache not rolled back")
def rewound_to_where_it_is(model, cache, last, drafted):
    own = read_drafts(model, cache, last, drafted)
    n = int((own[:-1] == drafted).int().cumprod(0).sum())
    cache.rewind(cache.length)
    return torch.cat([drafted[:n], own[n : n + 1]])


@wrong(SPECULATIVE_STEP, "rolled back too far")
def last_token_not_counted(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    n = agreeing(own, drafted)
    cache.rewind(before + n)
    return own[: n + 1]


@wrong(SPECULATIVE_STEP, "rolled back too far")
def back_to_the_beginning(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    cache.rewind(before)
    return own[: agreeing(own, drafted) + 1]


@wrong(SPECULATIVE_STEP, "rolled back too far")
def all_drafts_forgotten(model, cache, last, drafted):
    own = read_drafts(model, cache, last, drafted)
    cache.rewind(cache.length - len(drafted))
    return own[: agreeing(own, drafted) + 1]


@wrong(SPECULATIVE_STEP, "a rejected draft stays in the cache")
def room_for_the_new_token(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    written = own[: agreeing(own, drafted) + 1]
    cache.rewind(min(before + 1 + len(written), cache.length))
    return written


@wrong(SPECULATIVE_STEP, "a rejected draft stays in the cache")
def one_forgotten_too_few(model, cache, last, drafted):
    own = read_drafts(model, cache, last, drafted)
    n = agreeing(own, drafted)
    rejected = len(drafted) - n
    if rejected:
        cache.rewind(cache.length - (rejected - 1))
    return torch.cat([drafted[:n], own[[n]]])


@wrong(SPECULATIVE_STEP, "bonus token forgotten")
def own_token_only_after_a_rejection(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    n = agreeing(own, drafted)
    cache.rewind(before + 1 + n)
    return drafted.clone() if n == len(drafted) else own[: n + 1]


@wrong(SPECULATIVE_STEP, "bonus token forgotten")
def loop_over_drafts_alone(model, cache, last, drafted):
    before, written = cache.length, []
    own = read_drafts(model, cache, last, drafted)
    for guess, token in zip(drafted.tolist(), own.tolist()):
        written.append(token)
        if guess != token:
            break
    cache.rewind(before + len(written))
    return torch.tensor(written)


@wrong(SPECULATIVE_STEP, "nothing in place of a rejected draft")
def accepted_drafts_alone(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    n = agreeing(own, drafted)
    cache.rewind(before + n + 1)
    return drafted[:n].clone()


@wrong(SPECULATIVE_STEP, "nothing in place of a rejected draft")
def stops_before_it_writes(model, cache, last, drafted):
    before, written = cache.length, []
    own = read_drafts(model, cache, last, drafted)
    for guess, token in zip(drafted.tolist(), own.tolist()):
        if guess != token:
            break
        written.append(token)
    cache.rewind(before + len(written))
    return torch.tensor(written, dtype=torch.int64)


@wrong(SPECULATIVE_STEP, "rejected draft written")
def one_draft_too_many(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    n = agreeing(own, drafted)
    cache.rewind(before + n + 1)
    return drafted[: n + 1].clone()


@wrong(SPECULATIVE_STEP, "rejected draft written")
def draft_kept_and_answered(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    n = agreeing(own, drafted)
    cache.rewind(before + n + 1)
    return torch.cat([drafted[: n + 1], own[n + 1 : n + 2]])


@wrong(SPECULATIVE_STEP, "drafts counted after a rejection")
def all_that_fit(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    n = int((own[:-1] == drafted).sum())
    cache.rewind(before + n + 1)
    return torch.cat([drafted[:n], own[n : n + 1]])


@wrong(SPECULATIVE_STEP, "drafts counted after a rejection")
def loop_without_a_break(model, cache, last, drafted):
    before, n = cache.length, 0
    own = read_drafts(model, cache, last, drafted)
    for guess, token in zip(drafted, own):
        if guess == token:
            n += 1
    cache.rewind(before + n + 1)
    return torch.tensor([*drafted[:n].tolist(), int(own[n])])


@wrong(SPECULATIVE_STEP, "compared with the wrong prediction")
def prediction_after_the_draft(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    n = int((own[1:] == drafted).int().cumprod(0).sum())
    cache.rewind(before + n + 1)
    return torch.cat([drafted[:n], own[n : n + 1]])


@wrong(SPECULATIVE_STEP, "compared with the wrong prediction")
def one_place_too_late(model, cache, last, drafted):
    before, n = cache.length, 0
    own = read_drafts(model, cache, last, drafted)
    while n < len(drafted) and own[n + 1] == drafted[n]:
        n += 1
    cache.rewind(before + n + 1)
    return torch.cat([drafted[:n], own[n].unsqueeze(0)])


@wrong(SPECULATIVE_STEP, "all or nothing")
def all_drafts_or_none(model, cache, last, drafted):
    before = cache.length
    own = read_drafts(model, cache, last, drafted)
    n = len(drafted) if torch.equal(own[:-1], drafted) else 0
    cache.rewind(before + n + 1)
    return own[: n + 1]


@wrong(SPECULATIVE_STEP, "all or nothing")
def any_rejection_clears(model, cache, last, drafted):
    own = read_drafts(model, cache, last, drafted)
    if (own[:-1] != drafted).any():
        cache.rewind(cache.length - len(drafted))
        return own[:1]
    return own


@wrong(SPECULATIVE_STEP, "a pass for each token")
def one_draft_at_a_time(model, cache, last, drafted):
    before = cache.length
    tokens = [last, *drafted.tolist()]
    own = torch.cat([model(torch.tensor([[token]]), cache)[0].argmax(-1) for token in tokens])
    n = agreeing(own, drafted)
    cache.rewind(before + n + 1)
    return own[: n + 1]


@wrong(SPECULATIVE_STEP, "a pass for each token")
def plain_decoding(model, cache, last, drafted):
    written = []
    for guess in [*drafted.tolist(), None]:
        last = int(model(torch.tensor([[last]]), cache)[0, -1].argmax())
        written.append(last)
        if last != guess:
            break
    return torch.tensor(written)


# --- found by readers of the texts alone


@right(MTP_LOSS)
def in_a_tensor_of_one(logits, tokens, weight):
    D, B, T, _ = logits.shape
    total = 0.0
    for k in range(1, D + 1):
        rows, labels = logits[k - 1, :, : T - k].flatten(0, 1), tokens[:, k + 1 :].flatten()
        total += torch.nn.functional.cross_entropy(rows, labels, reduction="sum").item()
    return torch.tensor([weight / D * total / T / B])


@refused(ACCEPT, "some chance comes from elsewhere")
def a_coin_of_its_own(drafted, draft, target, generator):
    coin = torch.Generator()
    coin.seed()
    keep = torch.rand(len(drafted), generator=coin) < target[drafted] / draft[drafted]
    rest = (target - draft).clamp(min=0)
    other = torch.multinomial(rest, len(drafted), replacement=True, generator=generator)
    return torch.where(keep, drafted, other)


@refused(ACCEPT, "draws from the global random numbers")
def a_coin_of_numpy(drafted, draft, target, generator):
    import numpy as np

    keep = torch.from_numpy(np.random.rand(len(drafted))) < target[drafted] / draft[drafted]
    rest = (target - draft).clamp(min=0)
    other = torch.multinomial(rest, len(drafted), replacement=True, generator=generator)
    return torch.where(keep, drafted, other)


@wrong(JUDGE_DRAFTS, "drafts that fit after a refused one")
def the_drafts_that_fit(own, drafted):
    fits = own[:-1] == drafted
    return torch.cat([drafted[fits], own[int(fits.sum())].reshape(1)])
