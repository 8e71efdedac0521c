"""Lesson 08: answers to `accept_or_replace` and `speculative_step`."""

import torch

from lessons_lib.checks.several_tokens.accept import ACCEPT
from lessons_lib.checks.several_tokens.step import SPECULATIVE_STEP
from wrong_answers import right, wrong


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
