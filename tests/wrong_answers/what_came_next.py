"""Lesson 19: answers to its exercises, right and wrong, as readers would write them."""

import torch
import torch.nn.functional as F

from lessons_lib.checks.what_came_next.even_out import EVEN_OUT
from lessons_lib.checks.what_came_next.mixing import MIX
from lessons_lib.checks.what_came_next.push import PUSH
from lessons_lib.checks.what_came_next.row_of import ROW_OF
from wrong_answers import right, wrong

# --- even_out


def _poly(x, a=3.4445, b=-4.7750, c=2.0315):
    s = x @ x.mT
    return a * x + (b * s + c * s @ s) @ x


def _from(x, rounds):
    for _ in range(rounds):
        x = _poly(x)
    return x


@right(EVEN_OUT)
def as_in_the_lesson(g, rounds):
    return _from(g / g.norm(), rounds)


@right(EVEN_OUT)
def from_the_other_side(g, rounds):
    x = g / g.square().sum().sqrt()
    for _ in range(rounds):
        s = x.T @ x
        x = x @ (3.4445 * torch.eye(len(s)) - 4.7750 * s + 2.0315 * s @ s)
    return x


@wrong(EVEN_OUT, "not made small first")
def as_it_came(g, rounds):
    return _from(g, rounds)


@wrong(EVEN_OUT, "not made small first")
def as_it_came_powers(g, rounds):
    x = g.clone()
    for _ in range(rounds):
        x = 3.4445 * x - 4.7750 * x @ x.T @ x + 2.0315 * x @ x.T @ x @ x.T @ x
    return x


@wrong(EVEN_OUT, "divided by the largest singular value")
def spectral(g, rounds):
    return _from(g / torch.linalg.svdvals(g).max(), rounds)


@wrong(EVEN_OUT, "divided by the largest singular value")
def spectral_norm(g, rounds):
    return _from(g / torch.linalg.matrix_norm(g, ord=2), rounds)


@wrong(EVEN_OUT, "the fifth power left out")
def cubic(g, rounds):
    x = g / g.norm()
    for _ in range(rounds):
        x = _poly(x, c=0.0)
    return x


@wrong(EVEN_OUT, "the fifth power left out")
def cubic_by_hand(g, rounds):
    x = g / g.norm()
    for _ in range(rounds):
        x = 3.4445 * x - 4.7750 * (x @ x.T @ x)
    return x


@wrong(EVEN_OUT, "a round too few")
def off_by_one(g, rounds):
    x = g / g.norm()
    for _ in range(1, rounds):
        x = _poly(x)
    return x


@wrong(EVEN_OUT, "a round too few")
def the_one_before(g, rounds):
    x = before = g / g.norm()
    for _ in range(rounds):
        before, x = x, _poly(x)
    return before


@wrong(EVEN_OUT, "the root forgotten")
def over_the_sum_of_squares(g, rounds):
    x = g / g.pow(2).sum()
    for _ in range(rounds):
        gram = x @ x.T
        x = 3.4445 * x - 4.775 * gram @ x + 2.0315 * gram @ gram @ x
    return x


@wrong(EVEN_OUT, "the root forgotten")
def over_the_trace(g, rounds):
    x = g / torch.trace(g @ g.T)
    for _ in range(rounds):
        square = x @ x.mT
        x = 3.4445 * x + (-4.775 * square + 2.0315 * square @ square) @ x
    return x


@wrong(EVEN_OUT, "powers of single numbers")
def a_polynomial_of_entries(g, rounds):
    x = g / g.square().sum().sqrt()
    for _ in range(rounds):
        x = 3.4445 * x - 4.775 * x**3 + 2.0315 * x**5
    return x


@wrong(EVEN_OUT, "powers of single numbers")
def stars_for_at_signs(g, rounds):
    x = g / torch.linalg.norm(g)
    for _ in range(rounds):
        square = x * x
        x = 3.4445 * x - 4.775 * square * x + 2.0315 * square * square * x
    return x


# --- mixing_matrix


@right(MIX)
def columns_then_rows(logits, times):
    m = logits.exp()
    for _ in range(times):
        m = m / m.sum(0, keepdim=True)
        m = m / m.sum(1, keepdim=True)
    return m


@right(MIX)
def in_logarithms(logits, times):
    for _ in range(times):
        logits = logits - logits.logsumexp(0, keepdim=True)
        logits = logits - logits.logsumexp(1, keepdim=True)
    return logits.exp()


@wrong(MIX, "columns last")
def rows_then_columns(logits, times):
    m = logits.exp()
    for _ in range(times):
        m = m / m.sum(1, keepdim=True)
        m = m / m.sum(0, keepdim=True)
    return m


@wrong(MIX, "columns last")
def on_its_side(logits, times):
    return columns_then_rows(logits.T, times).T


@wrong(MIX, "one round whatever is asked")
def once(logits, times):
    return columns_then_rows(logits, 1)


@wrong(MIX, "one round whatever is asked")
def once_softmax(logits, times):
    m = logits.softmax(0)
    return m / m.sum(1, keepdim=True)


@wrong(MIX, "both sums of the same matrix")
def old_sums(logits, times):
    m = logits.exp()
    for _ in range(times):
        columns, rows = m.sum(0, keepdim=True), m.sum(1, keepdim=True)
        m = m / columns / rows
    return m


@wrong(MIX, "both sums of the same matrix")
def outer_sums(logits, times):
    m = logits.exp()
    for _ in range(times):
        m = m / torch.outer(m.sum(1), m.sum(0))
    return m


@wrong(MIX, "squares for exponentials")
def squared(logits, times):
    m = logits**2 + 1e-9
    for _ in range(times):
        m = m / m.sum(0, keepdim=True)
        m = m / m.sum(1, keepdim=True)
    return m


@wrong(MIX, "squares for exponentials")
def squared_by_logarithms(logits, times):
    return in_logarithms((logits * logits + 1e-9).log(), times)


# --- row_of


@right(ROW_OF)
def one_after_the_other(tokens, at, order, size):
    mixed = 0
    for back, factor in zip(range(order), (1_000_003, 10_007, 101)):
        if at - back >= 0:
            mixed = mixed ^ ((tokens[at - back] + 1) * factor)
    return mixed % size


@right(ROW_OF)
def padded(tokens, at, order, size):
    text = [0, 0] + [token + 1 for token in tokens]
    found = [text[at + 2 - back] * f for back, f in enumerate((1_000_003, 10_007, 101)[:order])]
    return (found[0] ^ found[1] ^ (found[2] if order == 3 else 0)) % size


def _mixed(grams):
    mixed = 0
    for token, factor in zip(grams, (1_000_003, 10_007, 101)):
        mixed ^= token * factor
    return mixed


@wrong(ROW_OF, "tokens that come after")
def ahead(tokens, at, order, size):
    text = [token + 1 for token in tokens] + [0, 0, 0]
    return _mixed(text[at : at + order]) % size


@wrong(ROW_OF, "tokens that come after")
def ahead_by_index(tokens, at, order, size):
    grams = [tokens[at + i] + 1 if at + i < len(tokens) else 0 for i in range(order)]
    return _mixed(grams) % size


@wrong(ROW_OF, "added up")
def summed(tokens, at, order, size):
    text = [0, 0] + [token + 1 for token in tokens]
    return sum(text[at + 2 - b] * f for b, f in enumerate((1_000_003, 10_007, 101)[:order])) % size


@wrong(ROW_OF, "added up")
def summed_step_by_step(tokens, at, order, size):
    total = 0
    for back in range(order):
        if at >= back:
            total += (tokens[at - back] + 1) * (1_000_003, 10_007, 101)[back]
    return total % size


@wrong(ROW_OF, "token 0 counts like none")
def plain_ids(tokens, at, order, size):
    return _mixed([tokens[at - b] if at >= b else 0 for b in range(order)]) % size


@wrong(ROW_OF, "token 0 counts like none")
def plain_ids_padded(tokens, at, order, size):
    text = [0, 0, *tokens]
    return _mixed([text[at + 2 - b] for b in range(order)]) % size


@wrong(ROW_OF, "the end of the text before its beginning")
def from_the_back(tokens, at, order, size):
    n = len(tokens)
    return _mixed([tokens[at - b] + 1 if at - b >= -n else 0 for b in range(order)]) % size


@wrong(ROW_OF, "the end of the text before its beginning")
def from_the_back_by_trying(tokens, at, order, size):
    grams = []
    for back in range(order):
        try:
            grams.append(tokens[at - back] + 1)
        except IndexError:
            grams.append(0)
    return _mixed(grams) % size


@wrong(ROW_OF, "factors in the other order")
def read_from_the_left(tokens, at, order, size):
    mixed = 0
    for factor, place in zip((1_000_003, 10_007, 101), range(at - order + 1, at + 1)):
        mixed ^= (tokens[place] + 1 if place >= 0 else 0) * factor
    return mixed % size


@wrong(ROW_OF, "factors in the other order")
def the_last_factor_first(tokens, at, order, size):
    factors, mixed = (1_000_003, 10_007, 101)[:order][::-1], 0
    for back in range(order):
        if at - back >= 0:
            mixed = mixed ^ ((1 + tokens[at - back]) * factors[back])
    return mixed % size


@wrong(ROW_OF, "remainder before mixing")
def small_numbers_all_the_way(tokens, at, order, size):
    mixed = 0
    for back, factor in enumerate((1_000_003, 10_007, 101)[:order]):
        token = tokens[at - back] + 1 if at >= back else 0
        mixed ^= token * factor % size
    return mixed % size


@wrong(ROW_OF, "remainder before mixing")
def rows_combined(tokens, at, order, size):
    padded = (-1, -1, *tokens)
    rows = [(padded[at + 2 - back] + 1) * f % size for back, f in zip(range(order), (1_000_003, 10_007, 101))]
    mixed = rows[0]
    for row in rows[1:]:
        mixed = mixed ^ row
    return mixed % size


# --- push_of_scores


@right(PUSH)
def by_formula(p, q):
    ratio = torch.log(q) - torch.log(p)
    return p * (ratio - torch.sum(p * ratio))


@right(PUSH)
def by_gradient(p, q):
    scores = p.log().requires_grad_()
    mine = scores.log_softmax(0)
    (mine.exp() * (mine - q.log())).sum().backward()
    return -scores.grad


@wrong(PUSH, "the KL from the teacher")
def imitation(p, q):
    return q - p


@wrong(PUSH, "the KL from the teacher")
def imitation_by_gradient(p, q):
    scores = p.log().requires_grad_()
    (q * (q.log() - scores.log_softmax(0))).sum().backward()
    return -scores.grad


@wrong(PUSH, "the mean not taken off")
def no_mean(p, q):
    return p * (q / p).log()


@wrong(PUSH, "the mean not taken off")
def no_mean_by_loop(p, q):
    return torch.stack([a * (b.log() - a.log()) for a, b in zip(p, q)])


@wrong(PUSH, "uphill")
def the_gradient_itself(p, q):
    return -by_formula(p, q)


@wrong(PUSH, "uphill")
def the_gradient_of_kl_div(p, q):
    scores = p.log().requires_grad_()
    F.kl_div(q.log(), scores.log_softmax(0), log_target=True, reduction="sum").backward()
    return scores.grad


@wrong(PUSH, "not weighed by p")
def advantages_alone(p, q):
    reward = torch.log(q) - torch.log(p)
    return reward - (p * reward).sum()


@wrong(PUSH, "not weighed by p")
def the_ratio_less_its_mean(p, q):
    kl = torch.sum(p * torch.log(p / q))
    return torch.log(q / p) + kl
