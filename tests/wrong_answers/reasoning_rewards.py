"""Lesson 14: answers to `tags_in_order`, `rewards`, `right_sums`, `sampled`,
`score` and `repeats_above_chance`."""

import re

import torch
import torch.nn.functional as F

from lessons_lib.checks.reasoning_rewards.order import TAGS_IN_ORDER
from lessons_lib.checks.reasoning_rewards.repeats import REPEATS
from lessons_lib.checks.reasoning_rewards.rewards import REWARDS
from lessons_lib.checks.reasoning_rewards.sampled import SAMPLED
from lessons_lib.checks.reasoning_rewards.score import SCORE
from lessons_lib.checks.reasoning_rewards.sums import RIGHT_SUMS
from wrong_answers import refused, right, wrong

TAGS = ("<think>", "</think>", "<answer>", "</answer>")


def paid(pairs):
    accuracy, form = zip(*pairs)
    return torch.tensor(accuracy).float(), torch.tensor(form).float()


# --- tags_in_order


@right(TAGS_IN_ORDER)
def tags_found_one_after_the_other(responses):
    found = [re.findall(r"</?think>|</?answer>", text) for text in responses]
    return torch.tensor([tuple(tags) == TAGS for tags in found]).float()


@right(TAGS_IN_ORDER)
def counted_and_looked_up(responses):
    result = torch.zeros(len(responses))
    for i, text in enumerate(responses):
        places = [text.find(tag) for tag in TAGS]
        once = all(text.count(tag) == 1 for tag in TAGS)
        result[i] = once and places == sorted(places)
    return result


@wrong(TAGS_IN_ORDER, "tags there, in any number and order")
def each_tag_in_the_text(responses):
    return torch.tensor([all(tag in text for tag in TAGS) for text in responses]).float()


@wrong(TAGS_IN_ORDER, "tags there, in any number and order")
def set_of_tags(responses):
    found = [set(re.findall(r"</?think>|</?answer>", text)) for text in responses]
    return torch.tensor([float(len(tags) == 4) for tags in found])


@wrong(TAGS_IN_ORDER, "each tag once, in any order")
def four_counts(responses):
    return torch.tensor([float([text.count(tag) for tag in TAGS] == [1, 1, 1, 1]) for text in responses])


@wrong(TAGS_IN_ORDER, "each tag once, in any order")
def sorted_tags(responses):
    found = [sorted(re.findall(r"</?think>|</?answer>", text)) for text in responses]
    return torch.tensor([float(tags == sorted(TAGS)) for tags in found])


@wrong(TAGS_IN_ORDER, "a tag more than once")
def one_pattern_for_all(responses):
    pattern = re.compile(r".*<think>.*</think>.*<answer>.*</answer>.*", re.DOTALL)
    return torch.tensor([float(pattern.fullmatch(text) is not None) for text in responses])


@wrong(TAGS_IN_ORDER, "a tag more than once")
def first_places_in_order(responses):
    result = torch.zeros(len(responses))
    for i, text in enumerate(responses):
        places = [text.find(tag) for tag in TAGS]
        result[i] = min(places) >= 0 and places == sorted(places)
    return result


@wrong(TAGS_IN_ORDER, "thought and answer apart, their order not")
def each_part_opened_and_closed(responses):
    def part(text, name):
        opened, closed = f"<{name}>", f"</{name}>"
        once = text.count(opened) == 1 == text.count(closed)
        return once and text.index(opened) < text.index(closed)

    return torch.tensor([float(part(t, "think") and part(t, "answer")) for t in responses])


@wrong(TAGS_IN_ORDER, "thought and answer apart, their order not")
def pairs_of_places(responses):
    result = []
    for text in responses:
        if any(text.count(tag) != 1 for tag in TAGS):
            result.append(0.0)
            continue
        a, b, c, d = (text.index(tag) for tag in TAGS)
        result.append(float(a < b and c < d))
    return torch.tensor(result)


# --- rewards


@refused(REWARDS, 'the text says: "any text"')
def one_pattern_without_tags_inside(responses, truth):
    pattern = re.compile(r"\s*<think>[^<]*</think>\s*<answer>\s*(\d+)\s*</answer>\s*")
    accuracy, form = torch.zeros(len(responses)), torch.zeros(len(responses))
    for i, text in enumerate(responses):
        found = pattern.fullmatch(text)
        if found:
            form[i] = 1
            accuracy[i] = int(found.group(1)) == truth
    return accuracy, form


@right(REWARDS)
def words_one_by_one(responses, truth):
    def judge(text):
        for tag in TAGS:
            text = text.replace(tag, f" {tag} ")
        words = text.split()
        if [word for word in words if word in TAGS] != list(TAGS) or words[0] != "<think>":
            return 0, 0
        end = words.index("</think>")
        rest = words[end + 1 :]
        if len(rest) != 3 or rest[0] != "<answer>" or rest[2] != "</answer>":
            return 0, 0
        if not set(rest[1]) <= set("0123456789"):
            return 0, 0
        return int(int(rest[1]) == truth), 1

    return paid([judge(text) for text in responses])


@right(REWARDS)
def split_at_tags(responses, truth):
    pairs = []
    for text in responses:
        pieces = re.split(r"(</?think>|</?answer>)", text)
        fine = len(pieces) == 9 and tuple(pieces[1::2]) == TAGS
        fine = fine and not (pieces[0].strip() or pieces[4].strip() or pieces[8].strip())
        fine = fine and pieces[6].strip().isdecimal() and pieces[6].isascii()
        pairs.append((float(fine and int(pieces[6]) == truth), float(fine)))
    return paid(pairs)


@wrong(REWARDS, "format paid for what cannot be read")
def any_answer_is_in_form(responses, truth):
    pairs = []
    for text in responses:
        found = re.fullmatch(r"\s*<think>[^<]*</think>\s*<answer>([^<]*)</answer>\s*", text)
        answer = found[1].strip() if found else ""
        pairs.append((answer.isdigit() and int(answer) == truth, found is not None))
    return paid(pairs)


@wrong(REWARDS, "format paid for what cannot be read")
def pieces_are_there(responses, truth):
    accuracy, form = torch.zeros(len(responses)), torch.zeros(len(responses))
    for i, text in enumerate(responses):
        pieces = re.split(r"(</?think>|</?answer>)", text)
        if tuple(pieces[1::2]) == TAGS and not (pieces[0] + pieces[4] + pieces[8]).strip():
            form[i] = 1
            try:
                accuracy[i] = int(pieces[6]) == truth
            except ValueError:
                pass
    return accuracy, form


@wrong(REWARDS, "format paid for what cannot be read")
def r1s_pattern_searched(responses, truth):
    def judge(text):
        form = re.search(r"<think>.*?</think>\s*<answer>.*?</answer>", text, re.DOTALL) is not None
        found = re.search(r"<answer>\s*(\d+)\s*</answer>", text)
        return form and found is not None and int(found[1]) == truth, form

    return paid([judge(text) for text in responses])


@wrong(REWARDS, "format paid for tags alone")
def all_tags_in_text(responses, truth):
    form = torch.tensor([all(tag in text for tag in TAGS) for text in responses])
    found = [re.search(r"<answer>\s*(\d+)\s*</answer>", text) for text in responses]
    right_one = torch.tensor([match is not None and int(match[1]) == truth for match in found])
    return (right_one & form).float(), form.float()


@wrong(REWARDS, "format paid for tags alone")
def each_tag_counted(responses, truth):
    pairs = []
    for text in responses:
        form = all(text.count(tag) == 1 for tag in TAGS)
        answer = text.split("<answer>")[1].split("</answer>")[0].strip() if form else ""
        pairs.append((answer.isdigit() and int(answer) == truth, form))
    return paid(pairs)


@wrong(REWARDS, "format paid for tags alone")
def tags_found_and_the_last_answer_read(responses, truth):
    def judge(text):
        numbers = re.findall(r"<answer>\s*(\d+)\s*</answer>", text)
        return bool(numbers) and int(numbers[-1]) == truth, set(TAGS) <= set(re.findall("<.*?>", text))

    return paid([judge(text) for text in responses])


@wrong(REWARDS, "form found somewhere")
def searched_not_matched(responses, truth):
    pattern = re.compile(r"<think>.*</think>\s*<answer>\s*(\d+)\s*</answer>", re.DOTALL)
    found = [pattern.search(text) for text in responses]
    return paid([(match is not None and int(match[1]) == truth, match is not None) for match in found])


@wrong(REWARDS, "form found somewhere")
def matched_at_the_start_only(responses, truth):
    accuracy, form = torch.zeros(len(responses)), torch.zeros(len(responses))
    for i, text in enumerate(responses):
        match = re.match(r"\s*<think>(.|\n)*</think>\s*<answer>\s*([0-9]+)\s*</answer>", text)
        if match:
            form[i], accuracy[i] = 1, int(match[2]) == truth
    return accuracy, form


@wrong(REWARDS, "tags inside the thought")
def dot_matches_tags(responses, truth):
    pattern = r"\s*<think>.*</think>\s*<answer>\s*(\d+)\s*</answer>\s*"
    found = [re.fullmatch(pattern, text, re.DOTALL) for text in responses]
    return paid([(match is not None and int(match[1]) == truth, match is not None) for match in found])


@wrong(REWARDS, "tags inside the thought")
def from_the_last_end_of_a_thought(responses, truth):
    def judge(text):
        start, end, rest = text.strip().rpartition("</think>")
        if not start.startswith("<think>") or start.count("<think>") > 1 or not end:
            return 0.0, 0.0
        answer = re.fullmatch(r"<answer>\s*(\d+)\s*</answer>", rest.strip())
        return float(answer is not None and int(answer[1]) == truth), float(answer is not None)

    return paid([judge(text) for text in responses])


def _in_form(text):
    return re.fullmatch(r"\s*<think>[^<]*</think>\s*<answer>\s*(\d+)\s*</answer>\s*", text)


@wrong(REWARDS, "accuracy without the form")
def accuracy_looks_for_an_answer(responses, truth):
    form = [_in_form(text) is not None for text in responses]
    found = [re.search(r"<answer>\s*(\d+)\s*</answer>", text) for text in responses]
    return paid([(m is not None and int(m[1]) == truth, f) for m, f in zip(found, form)])


@wrong(REWARDS, "accuracy without the form")
def accuracy_of_the_last_answer(responses, truth):
    accuracy = torch.zeros(len(responses))
    for i, text in enumerate(responses):
        numbers = re.findall(r"<answer>\s*([0-9]+)\s*</answer>", text)
        if numbers and int(numbers[-1]) == truth:
            accuracy[i] = 1
    return accuracy, torch.tensor([float(bool(_in_form(text))) for text in responses])


@wrong(REWARDS, "the right number in the thought")
def number_somewhere_in_the_text(responses, truth):
    form = torch.tensor([_in_form(text) is not None for text in responses])
    there = torch.tensor([str(truth) in text for text in responses])
    return (form & there).float(), form.float()


@wrong(REWARDS, "the right number in the thought")
def one_of_all_numbers(responses, truth):
    pairs = []
    for text in responses:
        pairs.append((truth in map(int, re.findall(r"\d+", text)), bool(_in_form(text))))
    return paid(pairs)


@wrong(REWARDS, "part of a number")
def contained_in_the_answer(responses, truth):
    found = [_in_form(text) for text in responses]
    return paid([(match is not None and str(truth) in match[1], match is not None) for match in found])


@wrong(REWARDS, "part of a number")
def searched_in_the_answer(responses, truth):
    accuracy, form = torch.zeros(len(responses)), torch.zeros(len(responses))
    for i, text in enumerate(responses):
        if match := _in_form(text):
            form[i] = 1
            accuracy[i] = float(re.search(str(truth), match.group(1)) is not None)
    return accuracy, form


@wrong(REWARDS, "compared as text")
def equal_letters(responses, truth):
    found = [_in_form(text) for text in responses]
    return paid([(match is not None and match[1] == str(truth), match is not None) for match in found])


@wrong(REWARDS, "compared as text")
def truth_written_into_the_pattern(responses, truth):
    pattern = rf"\s*<think>[^<]*</think>\s*<answer>\s*{truth}\s*</answer>\s*"
    accuracy = [float(re.fullmatch(pattern, text) is not None) for text in responses]
    return torch.tensor(accuracy), torch.tensor([float(bool(_in_form(text))) for text in responses])


@wrong(REWARDS, "format paid for right answers only")
def one_reward_for_both(responses, truth):
    accuracy, _ = one_pattern_without_tags_inside(responses, truth)
    return accuracy, accuracy.clone()


@wrong(REWARDS, "format paid for right answers only")
def form_behind_the_comparison(responses, truth):
    accuracy, form = torch.zeros(len(responses)), torch.zeros(len(responses))
    for i, text in enumerate(responses):
        match = _in_form(text)
        if match and int(match[1]) == truth:
            accuracy[i] += 1
            form[i] += 1
    return accuracy, form


# --- right_sums


@right(RIGHT_SUMS)
def pattern_then_parts(answers, target):
    result = torch.zeros(len(answers))
    for i, text in enumerate(answers):
        if re.fullmatch(r"[0-9]{1,6}( [+-] [0-9]{1,6})*", text):
            result[i] = sum(map(int, re.findall(r"[+-]?\d+", text.replace(" ", "")))) == target
    return result


@refused(RIGHT_SUMS, "invalid literal for int")
def words_two_by_two(answers, target):
    def value(text):
        words = text.split(" ")
        numbers, signs = words[::2], words[1::2]
        if len(words) % 2 == 0 or not all(n.isdigit() and len(n) <= 6 for n in numbers):
            return None
        if not all(sign in ("+", "-") for sign in signs):
            return None
        total = int(numbers[0])
        for sign, number in zip(signs, numbers[1:]):
            total += int(number) if sign == "+" else -int(number)
        return total

    return torch.tensor([1.0 if value(text) == target else 0.0 for text in answers])


@right(RIGHT_SUMS)
def any_trouble_is_a_zero(answers, target):
    def is_right(text):
        try:
            words = text.split(" ")
            total = number(words.pop(0))
            while words:
                sign = {"+": 1, "-": -1}[words.pop(0)]
                total += sign * number(words.pop(0))
        except (ValueError, KeyError, IndexError):
            return False
        return total == target

    def number(word):
        if len(word) > 6 or not word.isdecimal() or not word.isascii():
            raise ValueError(word)
        return int(word)

    return torch.tensor([is_right(text) for text in answers]).float()


@wrong(RIGHT_SUMS, "run as code")
def python_will_know(answers, target):
    def value(text):
        try:
            return eval(text)
        except Exception:
            return None

    return torch.tensor([float(value(text) == target) for text in answers])


@wrong(RIGHT_SUMS, "run as code")
def executed_without_builtins(answers, target):
    result = torch.zeros(len(answers))
    for i, text in enumerate(answers):
        names = {"__builtins__": {}}
        try:
            exec("value = " + text, names)
            result[i] = float(names["value"] == target)
        except Exception:
            result[i] = 0
    return result


@wrong(RIGHT_SUMS, "what cannot be read is skipped")
def numbers_and_signs_found(answers, target):
    result = []
    for text in answers:
        total, sign = None, 1
        for piece in re.findall(r"\d{1,6}|\+|-", text if len(text) < 1000 else ""):
            if piece in "+-":
                sign = 1 if piece == "+" else -1
            else:
                total = (total or 0) + sign * int(piece)
        result.append(float(total == target))
    return torch.tensor(result)


@wrong(RIGHT_SUMS, "what cannot be read is skipped")
def unknown_words_passed_over(answers, target):
    right_ones = torch.zeros(len(answers))
    for i, text in enumerate(answers):
        total, sign, seen = 0, "+", False
        for word in text.split():
            if word == "+" or word == "-":
                sign = word
            elif word.isdigit() and len(word) <= 6:
                seen = True
                total = total + int(word) if sign == "+" else total - int(word)
        right_ones[i] = seen and total == target
    return right_ones


FORM = re.compile(r"\d{1,6}( [+-] \d{1,6})*")


@wrong(RIGHT_SUMS, "from right to left")
def recursion_on_the_rest(answers, target):
    def value(words):
        if len(words) == 1:
            return int(words[0])
        rest = value(words[2:])
        return int(words[0]) + rest if words[1] == "+" else int(words[0]) - rest

    return torch.tensor([float(bool(FORM.fullmatch(t)) and value(t.split()) == target) for t in answers])


@wrong(RIGHT_SUMS, "from right to left")
def split_at_the_first_sign(answers, target):
    def value(text):
        number, sign, rest = re.fullmatch(r"(\d+)(?: ([+-]) (.*))?", text).groups()
        return int(number) + {None: 0, "+": 1, "-": -1}[sign] * (value(rest) if rest else 0)

    result = torch.zeros(len(answers))
    for i, text in enumerate(answers):
        if FORM.fullmatch(text):
            result[i] = value(text) == target
    return result


@wrong(RIGHT_SUMS, "minus read as plus")
def all_numbers_added(answers, target):
    def is_right(text):
        return bool(FORM.fullmatch(text)) and sum(map(int, re.findall(r"\d+", text))) == target

    return torch.tensor([float(is_right(text)) for text in answers])


@wrong(RIGHT_SUMS, "minus read as plus")
def signs_thrown_away(answers, target):
    result = torch.zeros(len(answers))
    for i, text in enumerate(answers):
        if FORM.fullmatch(text):
            total = 0
            for word in text.split(" ")[::2]:
                total += int(word)
            result[i] = 1.0 if total == target else 0.0
    return result


@wrong(RIGHT_SUMS, "target found, not reached")
def target_in_text(answers, target):
    return torch.tensor([float(str(target) in text) for text in answers])


@wrong(RIGHT_SUMS, "target found, not reached")
def last_number(answers, target):
    result = torch.zeros(len(answers))
    for i, text in enumerate(answers):
        result[i] = bool(FORM.fullmatch(text)) and int(text.split(" ")[-1]) == target
    return result


@wrong(RIGHT_SUMS, "target found, not reached")
def one_of_the_numbers(answers, target):
    return torch.tensor([bool(FORM.fullmatch(t)) and str(target) in t.split() for t in answers]).float()


# --- sampled


@right(SAMPLED)
def loop_with_a_break(tokens, prompt_length, end):
    mask = torch.zeros(tokens.shape)
    for i in range(tokens.shape[0]):
        for t in range(prompt_length, tokens.shape[1]):
            mask[i, t] = 1.0
            if tokens[i, t] == end:
                break
    return mask


@right(SAMPLED)
def ends_counted_up(tokens, prompt_length, end):
    is_end = (tokens[:, prompt_length:] == end).long()
    alive = is_end.cumsum(1) - is_end == 0
    return F.pad(alive.float(), (prompt_length, 0))


@right(SAMPLED)
def up_to_the_first_end(tokens, prompt_length, end):
    positions = torch.arange(tokens.shape[1]).expand_as(tokens)
    is_end = (tokens == end) & (positions >= prompt_length)
    last = torch.where(is_end, positions, tokens.shape[1]).min(1, keepdim=True).values
    return ((positions >= prompt_length) & (positions <= last)).double()


@wrong(SAMPLED, "prompt tokens in the loss")
def everything_up_to_the_end(tokens, prompt_length, end):
    mask = loop_with_a_break(tokens, prompt_length, end)
    mask[:, :prompt_length] = 1
    return mask


@wrong(SAMPLED, "prompt tokens in the loss")
def ones(tokens, prompt_length, end):
    return torch.ones(tokens.shape)


@wrong(SAMPLED, "prompt tokens in the loss")
def whole_rows_searched(tokens, prompt_length, end):
    is_end = (tokens == end).long()
    return (is_end.cumsum(1) - is_end == 0).float()


@wrong(SAMPLED, "the end left out")
def break_before_counting(tokens, prompt_length, end):
    mask = torch.zeros(tokens.shape)
    for i, row in enumerate(tokens):
        for t in range(prompt_length, len(row)):
            if row[t] == end:
                break
            mask[i, t] = 1
    return mask


@wrong(SAMPLED, "the end left out")
def nothing_once_ended(tokens, prompt_length, end):
    answer = tokens[:, prompt_length:]
    alive = (answer == end).cumsum(1) == 0
    return torch.cat([torch.zeros(len(tokens), prompt_length), alive.float()], 1)


@wrong(SAMPLED, "padding kept")
def all_behind_the_prompt(tokens, prompt_length, end):
    mask = torch.ones(tokens.shape)
    mask[:, :prompt_length] = 0
    return mask


@wrong(SAMPLED, "padding kept")
def all_but_ends(tokens, prompt_length, end):
    mask = (tokens != end).float()
    mask[:, :prompt_length] = 0
    return mask


@wrong(SAMPLED, "end searched in the prompt")
def first_end_anywhere(tokens, prompt_length, end):
    is_end = (tokens == end).long()
    mask = (is_end.cumsum(1) - is_end == 0).float()
    mask[:, :prompt_length] = 0
    return mask


@wrong(SAMPLED, "end searched in the prompt")
def index_of_the_row(tokens, prompt_length, end):
    mask = torch.zeros(tokens.shape)
    for i, row in enumerate(tokens.tolist()):
        stop = row.index(end) if end in row else len(row)
        for t in range(prompt_length, min(stop + 1, len(row))):
            mask[i, t] = 1
    return mask


@wrong(SAMPLED, "one position off")
def last_of_the_prompt_counted(tokens, prompt_length, end):
    mask = loop_with_a_break(tokens, prompt_length, end)
    mask[:, prompt_length - 1] = 1
    return mask


@wrong(SAMPLED, "one position off")
def first_of_the_answer_missed(tokens, prompt_length, end):
    is_end = (tokens[:, prompt_length:] == end).long()
    alive = F.pad((is_end.cumsum(1) - is_end == 0).float(), (prompt_length, 0))
    return alive * (torch.arange(tokens.shape[1]) > prompt_length)


# --- score


@right(SCORE)
def gathered(logits, tokens, temperature):
    logps = F.log_softmax(logits[:, :-1] / temperature, dim=-1)
    return logps.gather(2, tokens[:, 1:].unsqueeze(2)).squeeze(2)


@right(SCORE)
def negative_cross_entropy(logits, tokens, temperature):
    return -F.cross_entropy((logits[:, :-1] / temperature).mT, tokens[:, 1:], reduction="none")


@right(SCORE)
def number_by_number(logits, tokens, temperature):
    out = torch.zeros(tokens.shape[0], tokens.shape[1] - 1)
    for i in range(out.shape[0]):
        for t in range(out.shape[1]):
            p = torch.exp(logits[i, t] / temperature)
            out[i, t] = torch.log(p[tokens[i, t + 1]] / p.sum())
    return out


@right(SCORE)
def one_hot_einsum(logits, tokens, temperature):
    heated = logits / temperature
    logps = heated - heated.logsumexp(-1, keepdim=True)
    hot = F.one_hot(tokens, logits.shape[-1]).float()
    return torch.einsum("btv,btv->bt", logps[:, :-1], hot[:, 1:])


@wrong(SCORE, "temperature missing")
def as_if_one(logits, tokens, temperature):
    return logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]


@wrong(SCORE, "temperature missing")
def cross_entropy_of_plain_logits(logits, tokens, temperature):
    return -F.cross_entropy(logits[:, :-1].mT, tokens[:, 1:], reduction="none")


@wrong(SCORE, "multiplied by the temperature")
def times(logits, tokens, temperature):
    return gathered(logits * temperature, tokens, 1.0)


@wrong(SCORE, "multiplied by the temperature")
def reciprocal(logits, tokens, temperature):
    beta = 1 / temperature
    heated = logits[:, :-1] / beta
    return (heated - heated.logsumexp(-1, True)).gather(-1, tokens[:, 1:, None]).squeeze(-1)


@wrong(SCORE, "temperature after the softmax")
def scores_divided(logits, tokens, temperature):
    return gathered(logits, tokens, 1.0) / temperature


@wrong(SCORE, "temperature after the softmax")
def root_of_the_probability(logits, tokens, temperature):
    p = logits[:, :-1].softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
    return torch.log(p ** (1 / temperature))


@wrong(SCORE, "scored at its own position")
def not_shifted(logits, tokens, temperature):
    logps = (logits / temperature).log_softmax(-1)
    return logps.gather(-1, tokens[..., None])[:, 1:, 0]


@wrong(SCORE, "scored at its own position")
def loop_at_the_token(logits, tokens, temperature):
    rows = []
    for row, ids in zip(logits, tokens):
        rows.append([(row[t] / temperature).log_softmax(0)[ids[t]] for t in range(1, len(ids))])
    return torch.tensor(rows)


@wrong(SCORE, "probabilities, not logarithms")
def softmax_gathered(logits, tokens, temperature):
    return (logits[:, :-1] / temperature).softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]


@wrong(SCORE, "probabilities, not logarithms")
def exponent_of_the_score(logits, tokens, temperature):
    return torch.exp(-F.cross_entropy((logits[:, :-1] / temperature).mT, tokens[:, 1:], reduction="none"))


@wrong(SCORE, "logits, not log-probabilities")
def logits_gathered(logits, tokens, temperature):
    return (logits[:, :-1] / temperature).gather(-1, tokens[:, 1:, None]).squeeze(-1)


@wrong(SCORE, "logits, not log-probabilities")
def logits_picked(logits, tokens, temperature):
    rows, places = torch.arange(len(tokens))[:, None], torch.arange(tokens.shape[1] - 1)
    return logits[rows, places, tokens[:, 1:]] / temperature


@wrong(SCORE, "softmax over the positions")
def wrong_axis(logits, tokens, temperature):
    return (logits / temperature).log_softmax(1)[:, :-1].gather(-1, tokens[:, 1:, None])[..., 0]


@wrong(SCORE, "softmax over the positions")
def positions_normalised(logits, tokens, temperature):
    heated = logits / temperature
    logps = heated - heated.logsumexp(dim=1, keepdim=True)
    return torch.einsum("btv,btv->bt", logps[:, :-1], F.one_hot(tokens, logits.shape[-1]).float()[:, 1:])


# --- what only the fixed texts show


@right(REWARDS)
def tags_counted_then_matched(responses, truth):
    form = []
    for text in responses:
        once = all(text.count(tag) == 1 for tag in TAGS)
        whole = r"\s*<think>.*</think>\s*<answer>\s*([0-9]+)\s*</answer>\s*"
        form.append(re.fullmatch(whole, text, re.S) if once else None)
    accuracy = [float(match is not None and int(match[1]) == truth) for match in form]
    return torch.tensor(accuracy), torch.tensor([float(match is not None) for match in form])


def _matched(pattern, flags=0, once=TAGS):
    def rewards(responses, truth):
        accuracy, form = [], []
        for text in responses:
            match = re.fullmatch(pattern, text, flags)
            match = match if all(text.count(tag) == 1 for tag in once) else None
            form.append(float(match is not None))
            accuracy.append(float(match is not None and int(match[1]) == truth))
        return torch.tensor(accuracy), torch.tensor(form)

    return rewards


@refused(REWARDS, 'the text says: "any text"')
def thoughts_of_one_line(responses, truth):
    whole = r"\s*<think>.*</think>\s*<answer>\s*([0-9]+)\s*</answer>\s*"
    return _matched(whole)(responses, truth)


@refused(REWARDS, 'the text says: "before, between and behind the two parts"')
def anything_between(responses, truth):
    whole = r"\s*<think>.*</think>.*<answer>\s*([0-9]+)\s*</answer>\s*"
    return _matched(whole, re.DOTALL)(responses, truth)


@refused(REWARDS, 'the text says: "each of the four tags exactly once"')
def closing_tags_counted(responses, truth):
    whole = r"\s*<think>.*</think>\s*<answer>\s*([0-9]+)\s*</answer>\s*"
    return _matched(whole, re.S, ("</think>", "</answer>", "<answer>"))(responses, truth)


@refused(REWARDS, 'the text says: "digits 0 to 9 only"')
def digits_of_any_script(responses, truth):
    whole = r"\s*<think>.*</think>\s*<answer>\s*(\d+)\s*</answer>\s*"
    return _matched(whole, re.S)(responses, truth)


def _verified(pattern, split=lambda text: text.split(" ")):
    def right_sums(answers, target):
        out = []
        for text in answers:
            value = None
            if re.fullmatch(pattern, text):
                first, *rest = split(text)
                value = int(first)
                for sign, number in zip(rest[::2], rest[1::2], strict=True):
                    value += int(number) if sign == "+" else -int(number)
            out.append(float(value == target))
        return torch.tensor(out)

    return right_sums


@refused(RIGHT_SUMS, 'the text says: "whole numbers"')
def digits_of_every_script(answers, target):
    return _verified(r"\d{1,6}( [+-] \d{1,6})*")(answers, target)


@right(RIGHT_SUMS)
def by_a_pattern_and_helpers(answers, target):
    return _verified(r"[0-9]{1,6}(?: [+-] [0-9]{1,6})*")(answers, target)


@refused(RIGHT_SUMS, "is 0, and should be 1")
def two_numbers_or_more(answers, target):
    return _verified(r"[0-9]{1,6}(?: [+-] [0-9]{1,6})+")(answers, target) * 1.0


@refused(RIGHT_SUMS, 'the text says: "everything separated')
def any_blanks(answers, target):
    return _verified(r"\s*[0-9]{1,6}(\s+[+-]\s+[0-9]{1,6})*\s*", str.split)(answers, target)


@refused(RIGHT_SUMS, 'the text says: "everything separated')
def a_line_end_behind(answers, target):
    out = []
    for text in answers:
        fine = re.match(r"^[0-9]{1,6}( [+-] [0-9]{1,6})*$", text)
        out.append(_verified(r".*")([text.rstrip("\n")], target).item() if fine else 0.0)
    return torch.tensor(out)


@refused(RIGHT_SUMS, "To see it again (")
def a_minus_in_front(answers, target):
    return _verified(r"-?[0-9]{1,6}( [+-] [0-9]{1,6})*")(answers, target)


@refused(RIGHT_SUMS, 'the text says: "one to six digits"')
def numbers_of_any_length(answers, target):
    out = []
    for text in answers:
        short = len(text) < 4000 or re.fullmatch("[0-9]+", text) is None
        out.append(_verified(r"[0-9]+( [+-] [0-9]+)*")([text], target).item() if short else 0.0)
    return torch.tensor(out)


@refused(RIGHT_SUMS, 'the text says: "the value"')
def three_numbers_at_most(answers, target):
    return _verified(r"[0-9]{1,6}( [+-] [0-9]{1,6}){0,2}")(answers, target)


@refused(RIGHT_SUMS, "it uses eval, which the text rules out")
def evaluated_after_a_look(answers, target):
    out = []
    for t in answers:
        fine = re.fullmatch(r"[0-9]{1,6}( [+-] [0-9]{1,6})*", t)
        out.append(float(bool(fine) and eval(re.sub(r"\b0+(?=[0-9])", "", t)) == target))
    return torch.tensor(out)


@refused(SCORE, "Hint: two things at once")
def neither_shifted_nor_heated(logits, tokens, temperature):
    return logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0][:, 1:]


# --- repeats_above_chance


def blind_share(k, n):
    return (n - 1) / n * (1 - (1 - 1 / (n - 1)) ** k)


def share_again(doors, k):
    rows = doors[doors[:, k] >= 0]
    return sum(row[k] in row[:k] for row in rows.tolist()) / len(rows)


@right(REPEATS)
def lists_and_sets(doors, n_doors):
    found = []
    for k in range(1, doors.shape[1]):
        rows = [row for row in doors.tolist() if row[k] != -1]
        again = [row[k] in set(row[:k]) for row in rows]
        found.append(sum(again) / len(again) - blind_share(k, n_doors))
    return torch.tensor(found)


@right(REPEATS)
def all_pairs_at_once(doors, n_doors):
    tries = doors.shape[1]
    same = (doors[:, :, None] == doors[:, None, :]) & torch.ones(tries, tries).tril(-1).bool()
    there = doors >= 0
    again = (same.any(-1) & there).double().sum(0) / there.double().sum(0)
    k = torch.arange(tries, dtype=torch.float64)
    different = (n_doors - 1) * (1 - ((n_doors - 2) / (n_doors - 1)) ** k)
    return (again - different / n_doors)[1:]


@wrong(REPEATS, "thoughts that have ended are counted")
def mean_over_the_rows(doors, n_doors):
    found = []
    for k in range(1, doors.shape[1]):
        again = (doors[:, :k] == doors[:, k : k + 1]).any(1) & (doors[:, k] >= 0)
        found.append(again.double().mean() - blind_share(k, n_doors))
    return torch.stack(found)


@wrong(REPEATS, "thoughts that have ended are counted")
def divided_by_len(doors, n_doors):
    rows, out = doors.tolist(), []
    for k in range(1, len(rows[0])):
        hits = [row for row in rows if row[k] > -1 and row[k] in row[:k]]
        out.append(len(hits) / len(rows) - blind_share(k, n_doors))
    return torch.tensor(out)


@wrong(REPEATS, "of all tries")
def divided_by_every_try(doors, n_doors):
    total, out = (doors >= 0).sum().item(), []
    for k in range(1, doors.shape[1]):
        rows = doors[doors[:, k] >= 0].tolist()
        out.append(sum(row[k] in row[:k] for row in rows) / total - blind_share(k, n_doors))
    return torch.tensor(out)


@wrong(REPEATS, "of all tries")
def counts_over_one_total(doors, n_doors):
    there = doors >= 0
    counts = torch.zeros(doors.shape[1])
    for row in doors.tolist():
        for k, door in enumerate(row):
            counts[k] += door >= 0 and door in row[:k]
    blind = torch.tensor([blind_share(k, n_doors) for k in range(doors.shape[1])])
    return (counts / there.sum() - blind)[1:]


@wrong(REPEATS, "the last door only")
def neighbours_compared(doors, n_doors):
    out = []
    for k in range(1, doors.shape[1]):
        rows = doors[doors[:, k] >= 0]
        out.append((rows[:, k] == rows[:, k - 1]).double().mean() - blind_share(k, n_doors))
    return torch.stack(out)


@wrong(REPEATS, "the last door only")
def diff_is_zero(doors, n_doors):
    still = (doors.diff(dim=1) == 0) & (doors[:, 1:] >= 0)
    shares = still.double().sum(0) / (doors[:, 1:] >= 0).sum(0)
    return shares - torch.tensor([blind_share(k, n_doors) for k in range(1, doors.shape[1])])


@wrong(REPEATS, "the star among the doors tried")
def all_doors_missed(doors, n_doors):
    return torch.tensor(
        [share_again(doors, k) - (1 - (1 - 1 / n_doors) ** k) for k in range(1, doors.shape[1])]
    )


@wrong(REPEATS, "the star among the doors tried")
def complement_of_a_power(doors, n_doors):
    shares = torch.tensor([share_again(doors, k) for k in range(1, doors.shape[1])])
    missed = torch.cumprod(torch.full_like(shares, (n_doors - 1) / n_doors), 0)
    return shares - 1 + missed


@wrong(REPEATS, "one try too many in the chance")
def k_counted_from_two(doors, n_doors):
    return torch.tensor(
        [share_again(doors, k) - blind_share(k + 1, n_doors) for k in range(1, doors.shape[1])]
    )


@wrong(REPEATS, "one try too many in the chance")
def exponent_one_short(doors, n_doors):
    out = []
    for number in range(2, doors.shape[1] + 1):
        out.append(share_again(doors, number - 1) - blind_share(number - 2, n_doors))
    return torch.tensor(out)


@wrong(REPEATS, "chance not taken off")
def shares_alone(doors, n_doors):
    return torch.tensor([share_again(doors, k) for k in range(1, doors.shape[1])])


@wrong(REPEATS, "chance not taken off")
def means_of_any(doors, n_doors):
    out = []
    for k in range(1, doors.shape[1]):
        rows = doors[doors[:, k] != -1]
        out.append((rows[:, :k] == rows[:, [k]]).any(dim=1).float().mean())
    return torch.stack(out)


@wrong(REPEATS, "as if no door came twice")
def doors_over_doors(doors, n_doors):
    return torch.tensor([share_again(doors, k) - k / n_doors for k in range(1, doors.shape[1])])


@wrong(REPEATS, "as if no door came twice")
def straight_line(doors, n_doors):
    shares = torch.tensor([share_again(doors, k) for k in range(1, doors.shape[1])])
    return shares - torch.arange(1, doors.shape[1]) / n_doors


@refused(RIGHT_SUMS, "result is 1 wherever it should be, and elsewhere too")
def blanks_split_anyhow(answers, target):
    verdicts = []
    for text in answers:
        words = " ".join(text.split())
        good = re.fullmatch(r"[0-9]{1,6}( [+-] [0-9]{1,6})*", words) is not None
        terms = re.findall(r"[+-]?[0-9]+", words.replace(" ", ""))
        verdicts.append(float(good and sum(map(int, terms)) == target))
    return torch.tensor(verdicts)


@refused(RIGHT_SUMS, "RecursionError")
def a_call_for_each_summand(answers, target):
    def value(words):
        if len(words) == 1:
            return int(words[0])
        return value(words[:-2]) + (int(words[-1]) if words[-2] == "+" else -int(words[-1]))

    verdicts = []
    for text in answers:
        good = re.fullmatch(r"[0-9]{1,6}( [+-] [0-9]{1,6})*", text) is not None
        verdicts.append(float(good and value(text.split(" ")) == target))
    return torch.tensor(verdicts)


@refused(REWARDS, "format is 0 wherever it should be, and elsewhere too")
def no_thought_of_several_lines(responses, truth):
    accuracy, form = [], []
    for text in responses:
        found = re.fullmatch(r"\s*<think>.*</think>\s*<answer> *([0-9]+) *</answer>\s*", text)
        good = found is not None and all(text.count(tag) == 1 for tag in TAGS)
        form.append(float(good))
        accuracy.append(float(good and found[1].lstrip("0") == str(truth).lstrip("0")))
    return torch.tensor(accuracy), torch.tensor(form)
