"""Lesson 16: answers to the exercises on traces kept, learned and translated, language, held-out scores."""

import torch
import torch.nn.functional as F

from lessons_lib.checks.distillation.accept import ACCEPTED
from lessons_lib.checks.distillation.held_out import HELD_OUT_SCORE
from lessons_lib.checks.distillation.language import LANGUAGE_REWARD
from lessons_lib.checks.distillation.response import RESPONSE_LOSS
from lessons_lib.checks.distillation.vocabulary import TRANSLATE
from wrong_answers import refused, right, wrong

# --- accepted

GERMAN = {"Stern", "Kreuz", "warte"}


@right(ACCEPTED)
def one_condition_after_the_other(problems, texts, right, held_out):
    kept, seen = [], set()
    for problem, text in zip(problems, texts):
        words = text.split()
        good = (
            problem not in held_out
            and text.endswith(f"</think> <answer> {right[problem]} </answer> <eos>")
            and len(words) > 6
            and not GERMAN & set(words)
            and (problem, text) not in seen
        )
        seen.add((problem, text))
        kept.append(int(good))
    return torch.tensor(kept)


@right(ACCEPTED)
def looks_back_for_duplicates(problems, texts, right, held_out):
    pairs = list(zip(problems, texts))
    kept = torch.zeros(len(pairs), dtype=torch.int64)
    for i, (problem, text) in enumerate(pairs):
        head, _, tail = text.partition("</think>")
        if problem in held_out or (problem, text) in pairs[:i]:
            continue
        if head.strip() == "<think>" or any(word in head for word in ("Stern", "Kreuz", "warte")):
            continue
        kept[i] = tail.strip() == f"<answer> {right[problem]} </answer> <eos>"
    return kept


def in_english(text):
    return not GERMAN & set(text.split())


def thinks(text):
    return not text.startswith("<think> </think>")


def says(door, text):
    return text.split("</think>")[1] == f" <answer> {door} </answer> <eos>"


def sift(conditions, problems, texts, key=lambda problem, text: (problem, text)):
    """Keep what meets all conditions of (problem, text), the first of each key."""
    kept, seen = [], []
    for problem, text in zip(problems, texts):
        good = all(condition(problem, text) for condition in conditions) and key(problem, text) not in seen
        if good:
            seen.append(key(problem, text))
        kept.append(int(good))
    return torch.tensor(kept)


@wrong(ACCEPTED, "the rejected are distilled")
def any_answer_in_the_right_form(problems, texts, right, held_out):
    kept, seen = [], set()
    for problem, text in zip(problems, texts):
        words = text.split()
        form = words[0] == "<think>" and words[-5] == "</think>" and words[-4] == "<answer>"
        good = form and words[-1] == "<eos>" and len(words) > 6 and in_english(text)
        good = good and problem not in held_out and (problem, text) not in seen
        seen.add((problem, text))
        kept.append(int(good))
    return torch.tensor(kept)


@wrong(ACCEPTED, "the rejected are distilled")
def right_door_somewhere_in_the_thought(problems, texts, right, held_out):
    conditions = (
        lambda problem, text: problem not in held_out,
        lambda problem, text: right[problem] in text and text.endswith("</answer> <eos>"),
        lambda problem, text: thinks(text) and in_english(text),
    )
    return sift(conditions, problems, texts)


@wrong(ACCEPTED, "duplicates kept")
def each_by_itself(problems, texts, right, held_out):
    kept = []
    for problem, text in zip(problems, texts):
        fine = says(right[problem], text) and thinks(text) and in_english(text)
        kept.append(int(fine and problem not in held_out))
    return torch.tensor(kept)


@wrong(ACCEPTED, "duplicates kept")
def list_that_is_never_filled(problems, texts, right, held_out):
    seen, kept = [], torch.zeros(len(texts), dtype=torch.int64)
    for i in range(len(texts)):
        if texts[i] in seen or problems[i] in held_out or not in_english(texts[i]):
            continue
        if thinks(texts[i]) and says(right[problems[i]], texts[i]):
            kept[i] = 1
    return kept


@wrong(ACCEPTED, "same text, other problem")
def set_of_texts(problems, texts, right, held_out):
    kept, seen = [], set()
    for problem, text in zip(problems, texts):
        fine = says(right[problem], text) and thinks(text) and in_english(text) and problem not in held_out
        kept.append(int(fine and text not in seen))
        if fine:
            seen.add(text)
    return torch.tensor(kept)


@wrong(ACCEPTED, "same text, other problem")
def sifted_by_text(problems, texts, right, held_out):
    conditions = (
        lambda problem, text: problem not in held_out and says(right[problem], text),
        lambda problem, text: thinks(text) and in_english(text),
    )
    return sift(conditions, problems, texts, key=lambda problem, text: text)


@wrong(ACCEPTED, "one trace for each problem")
def problem_is_done(problems, texts, right, held_out):
    kept, done = [], set(held_out)
    for problem, text in zip(problems, texts):
        fine = problem not in done and says(right[problem], text) and thinks(text) and in_english(text)
        if fine:
            done.add(problem)
        kept.append(int(fine))
    return torch.tensor(kept)


@wrong(ACCEPTED, "one trace for each problem")
def first_of_a_dictionary(problems, texts, right, held_out):
    alone = [one_condition_after_the_other((p,), (t,), right, held_out) for p, t in zip(problems, texts)]
    first = {}
    for i, (problem, good) in enumerate(zip(problems, alone)):
        if good:
            first.setdefault(problem, i)
    return torch.tensor([int(i in first.values()) for i in range(len(texts))])


@wrong(ACCEPTED, "held-out problems learned")
def all_problems(problems, texts, right, held_out):
    return one_condition_after_the_other(problems, texts, right, ())


@wrong(ACCEPTED, "held-out problems learned")
def sifted_from_all_problems(problems, texts, right, held_out):
    conditions = (
        lambda problem, text: says(right[problem], text),
        lambda problem, text: thinks(text),
        lambda problem, text: in_english(text),
    )
    return sift(conditions, problems, texts)


@wrong(ACCEPTED, "languages mixed")
def never_asks_for_the_language(problems, texts, right, held_out):
    conditions = (
        lambda problem, text: problem not in held_out and says(right[problem], text),
        lambda problem, text: thinks(text),
    )
    return sift(conditions, problems, texts)


@wrong(ACCEPTED, "languages mixed")
def some_english_is_enough(problems, texts, right, held_out):
    kept, seen = [], set()
    for problem, text in zip(problems, texts):
        words = set(text.split())
        one_language = not words & GERMAN or not words & {"star", "cross", "wait"}
        fine = one_language and says(right[problem], text) and thinks(text) and problem not in held_out
        kept.append(int(fine and (problem, text) not in seen))
        seen.add((problem, text))
    return torch.tensor(kept)


@wrong(ACCEPTED, "an unfinished text kept")
def answer_tags_alone(problems, texts, right, held_out):
    conditions = (
        lambda problem, text: problem not in held_out and f"<answer> {right[problem]} </answer>" in text,
        lambda problem, text: thinks(text) and in_english(text),
    )
    return sift(conditions, problems, texts)


@wrong(ACCEPTED, "an unfinished text kept")
def word_after_the_answer_tag(problems, texts, right, held_out):
    kept, seen = [], set()
    for problem, text in zip(problems, texts):
        words = text.split()
        fine = words[words.index("<answer>") + 1] == right[problem] and words[1] != "</think>"
        fine = fine and problem not in held_out and not GERMAN & set(words) and (problem, text) not in seen
        if fine:
            seen.add((problem, text))
        kept.append(int(fine))
    return torch.tensor(kept)


@wrong(ACCEPTED, "guesses kept")
def thought_not_looked_at(problems, texts, right, held_out):
    conditions = (
        lambda problem, text: problem not in held_out and says(right[problem], text),
        lambda problem, text: in_english(text),
    )
    return sift(conditions, problems, texts)


@wrong(ACCEPTED, "guesses kept")
def tags_of_a_thought_are_enough(problems, texts, right, held_out):
    kept, seen = [], set()
    for problem, text in zip(problems, texts):
        form = "<think>" in text and text.endswith(f"</think> <answer> {right[problem]} </answer> <eos>")
        fine = form and in_english(text) and problem not in held_out and (problem, text) not in seen
        seen.add((problem, text))
        kept.append(int(fine))
    return torch.tensor(kept)


# --- response_loss


@right(RESPONSE_LOSS)
def with_ignored_targets(logits, tokens, prompt_lengths, pad):
    places = torch.arange(tokens.shape[1])
    targets = tokens.masked_fill((places < prompt_lengths[:, None]) | (tokens == pad), -100)
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten())


@right(RESPONSE_LOSS)
def token_by_token(logits, tokens, prompt_lengths, pad):
    costs = []
    for scores, text, start in zip(logits, tokens.tolist(), prompt_lengths.tolist()):
        for place in range(start, len(text)):
            if text[place] != pad:
                costs.append(-torch.log_softmax(scores[place - 1], 0)[text[place]])
    return torch.stack(costs).mean()


def costs_and_mask(logits, tokens, prompt_lengths, pad):
    """Return the costs of all tokens but the first, and which are learned."""
    costs = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    places = torch.arange(1, tokens.shape[1])
    return costs, (places >= prompt_lengths[:, None]) & (tokens[:, 1:] != pad)


@wrong(RESPONSE_LOSS, "the prompt learned")
def only_padding_ignored(logits, tokens, prompt_lengths, pad):
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), ignore_index=pad)


@wrong(RESPONSE_LOSS, "the prompt learned")
def everything_learned(logits, tokens, prompt_lengths, pad):
    log_p = logits.log_softmax(-1)[:, :-1]
    return -log_p.gather(-1, tokens[:, 1:, None]).mean()


@wrong(RESPONSE_LOSS, "padding learned")
def all_after_the_prompt(logits, tokens, prompt_lengths, pad):
    costs, _ = costs_and_mask(logits, tokens, prompt_lengths, pad)
    return costs[torch.arange(1, tokens.shape[1]) >= prompt_lengths[:, None]].mean()


@wrong(RESPONSE_LOSS, "padding learned")
def slices_to_the_end_of_the_row(logits, tokens, prompt_lengths, pad):
    rows = zip(logits, tokens, prompt_lengths.tolist())
    costs = [F.cross_entropy(a[n - 1 : -1], b[n:], reduction="none") for a, b, n in rows]
    return torch.cat(costs).mean()


@wrong(RESPONSE_LOSS, "no shift")
def same_place(logits, tokens, prompt_lengths, pad):
    places = torch.arange(tokens.shape[1])
    targets = tokens.masked_fill((places < prompt_lengths[:, None]) | (tokens == pad), -100)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@wrong(RESPONSE_LOSS, "no shift")
def same_place_in_a_loop(logits, tokens, prompt_lengths, pad):
    costs = []
    for scores, text, start in zip(logits, tokens.tolist(), prompt_lengths.tolist()):
        for place, token in enumerate(text):
            if place >= start and token != pad:
                costs.append(scores[place].logsumexp(0) - scores[place, token])
    return sum(costs) / len(costs)


@wrong(RESPONSE_LOSS, "first word of the response left out")
def strictly_after_the_prompt(logits, tokens, prompt_lengths, pad):
    costs, _ = costs_and_mask(logits, tokens, prompt_lengths, pad)
    learned = (torch.arange(1, tokens.shape[1]) > prompt_lengths[:, None]) & (tokens[:, 1:] != pad)
    return costs[learned].mean()


@wrong(RESPONSE_LOSS, "first word of the response left out")
def shift_inside_the_response(logits, tokens, prompt_lengths, pad):
    costs = []
    for scores, text, start in zip(logits, tokens, prompt_lengths.tolist()):
        end = start + int((text[start:] != pad).sum())
        costs.append(F.cross_entropy(scores[start : end - 1], text[start + 1 : end], reduction="none"))
    return torch.cat(costs).mean()


@wrong(RESPONSE_LOSS, "last word of the prompt learned")
def mask_cut_on_the_wrong_side(logits, tokens, prompt_lengths, pad):
    costs, _ = costs_and_mask(logits, tokens, prompt_lengths, pad)
    mask = torch.arange(tokens.shape[1]) >= prompt_lengths[:, None] - 1
    return costs[mask[:, 1:] & (tokens[:, 1:] != pad)].mean()


@wrong(RESPONSE_LOSS, "last word of the prompt learned")
def starts_one_too_early(logits, tokens, prompt_lengths, pad):
    costs = []
    for b in range(len(tokens)):
        for place in range(int(prompt_lengths[b]) - 1, tokens.shape[1]):
            if tokens[b, place] != pad:
                costs.append(-logits[b, place - 1].log_softmax(-1)[tokens[b, place]])
    return torch.stack(costs).mean()


@wrong(RESPONSE_LOSS, "mean of the texts' means")
def each_text_first(logits, tokens, prompt_lengths, pad):
    costs, learned = costs_and_mask(logits, tokens, prompt_lengths, pad)
    return torch.stack([row[mask].mean() for row, mask in zip(costs, learned)]).mean()


@wrong(RESPONSE_LOSS, "mean of the texts' means")
def sums_over_counts(logits, tokens, prompt_lengths, pad):
    costs, learned = costs_and_mask(logits, tokens, prompt_lengths, pad)
    return ((costs * learned).sum(1) / learned.sum(1)).mean()


@wrong(RESPONSE_LOSS, "divided by every token")
def masked_then_mean(logits, tokens, prompt_lengths, pad):
    costs, learned = costs_and_mask(logits, tokens, prompt_lengths, pad)
    return (costs * learned).mean()


@wrong(RESPONSE_LOSS, "divided by every token")
def summed_and_divided_by_the_size(logits, tokens, prompt_lengths, pad):
    costs, learned = costs_and_mask(logits, tokens, prompt_lengths, pad)
    return costs[learned].sum() / tokens.numel()


# --- language_reward


@right(LANGUAGE_REWARD)
def counted_in_a_loop(thoughts, wanted, other):
    shares = []
    for thought in thoughts:
        ours = sum(word in wanted for word in thought.split())
        theirs = sum(word in other for word in thought.split())
        shares.append(ours / (ours + theirs) if ours + theirs else 1.0)
    return torch.tensor(shares)


@right(LANGUAGE_REWARD)
def language_words_filtered_first(thoughts, wanted, other):
    out = torch.ones(len(thoughts))
    for i, thought in enumerate(thoughts):
        spoken = [word in wanted for word in thought.split() if word in wanted + other]
        if spoken:
            out[i] = sum(spoken) / len(spoken)
    return out


@wrong(LANGUAGE_REWARD, "a share of all words")
def of_all_words(thoughts, wanted, other):
    return torch.tensor([sum(w in wanted for w in t.split()) / len(t.split()) for t in thoughts])


@wrong(LANGUAGE_REWARD, "a share of all words")
def of_all_words_but_for_silence(thoughts, wanted, other):
    shares = []
    for thought in thoughts:
        words = thought.split()
        if not set(words) & set(wanted + other):
            shares.append(1.0)
        else:
            shares.append(len([word for word in words if word in wanted]) / len(words))
    return torch.tensor(shares)


@wrong(LANGUAGE_REWARD, "a share of all words")
def what_is_not_foreign(thoughts, wanted, other):
    fine = [[float(word not in other) for word in thought.split()] for thought in thoughts]
    return torch.stack([torch.tensor(row).mean() for row in fine])


@wrong(LANGUAGE_REWARD, "nothing said is a fault")
def guarded_division(thoughts, wanted, other):
    ours = torch.tensor([sum(word in wanted for word in t.split()) for t in thoughts])
    theirs = torch.tensor([sum(word in other for word in t.split()) for t in thoughts])
    return ours / (ours + theirs).clamp(min=1)


@wrong(LANGUAGE_REWARD, "nothing said is a fault")
def mean_of_nothing(thoughts, wanted, other):
    rows = [[float(w in wanted) for w in t.split() if w in wanted + other] for t in thoughts]
    return torch.stack([torch.tensor(row).mean() for row in rows])


@wrong(LANGUAGE_REWARD, "nothing said is a fault")
def half_for_silence(thoughts, wanted, other):
    shares = counted_in_a_loop(thoughts, wanted, other)
    silent = torch.tensor([not set(t.split()) & set(wanted + other) for t in thoughts])
    return shares.where(~silent, 0.5)


@wrong(LANGUAGE_REWARD, "all or nothing")
def pure_or_not(thoughts, wanted, other):
    return torch.tensor([float(not any(word in other for word in t.split())) for t in thoughts])


@wrong(LANGUAGE_REWARD, "all or nothing")
def rounded(thoughts, wanted, other):
    return counted_in_a_loop(thoughts, wanted, other).round()


@wrong(LANGUAGE_REWARD, "the other language rewarded")
def languages_exchanged(thoughts, wanted, other):
    return counted_in_a_loop(thoughts, other, wanted)


@wrong(LANGUAGE_REWARD, "the other language rewarded")
def one_minus_the_share(thoughts, wanted, other):
    shares = []
    for thought in thoughts:
        ours = sum(thought.split().count(word) for word in wanted)
        theirs = sum(thought.split().count(word) for word in other)
        shares.append(1 - ours / (ours + theirs) if ours + theirs > 0 else 0.0)
    return torch.tensor(shares)


@wrong(LANGUAGE_REWARD, "each word counted once")
def sets_of_words(thoughts, wanted, other):
    shares = []
    for thought in thoughts:
        words = set(thought.split())
        ours, theirs = len(words & set(wanted)), len(words & set(other))
        shares.append(ours / (ours + theirs) if ours + theirs else 1.0)
    return torch.tensor(shares)


@wrong(LANGUAGE_REWARD, "each word counted once")
def found_in_the_thought(thoughts, wanted, other):
    shares = []
    for thought in thoughts:
        said = [word for word in wanted + other if word in thought.split()]
        shares.append(sum(w in wanted for w in said) / len(said) if said else 1.0)
    return torch.tensor(shares)


@wrong(LANGUAGE_REWARD, "counted, not shared")
def number_of_words(thoughts, wanted, other):
    return torch.tensor([float(sum(word in wanted for word in t.split())) for t in thoughts])


@wrong(LANGUAGE_REWARD, "counted, not shared")
def plus_one_minus_one(thoughts, wanted, other):
    totals = []
    for thought in thoughts:
        total = 0.0
        for word in thought.split():
            total += (word in wanted) - (word in other)
        totals.append(total)
    return torch.tensor(totals)


# --- translate


@right(TRANSLATE)
def with_a_dictionary(ids, teacher, student):
    place = {word: i for i, word in enumerate(student)}
    return torch.tensor([place.get(teacher[i], place["<unk>"]) for i in ids.tolist()])


@right(TRANSLATE)
def table_of_all_words(ids, teacher, student):
    table = [student.index(word if word in student else "<unk>") for word in teacher]
    return torch.tensor(table)[ids]


@wrong(TRANSLATE, "the teacher's ids")
def handed_on(ids, teacher, student):
    return ids.clone()


@wrong(TRANSLATE, "the teacher's ids")
def there_and_back(ids, teacher, student):
    words = [teacher[i] for i in ids.tolist()]
    return torch.tensor([teacher.index(word) for word in words])


@wrong(TRANSLATE, "translated backwards")
def dictionary_of_the_teacher(ids, teacher, student):
    place = {word: i for i, word in enumerate(teacher)}
    return torch.tensor([place.get(student[i], place["<unk>"]) for i in ids.tolist()])


@wrong(TRANSLATE, "translated backwards")
def names_exchanged(ids, teacher, student):
    unknown = student.index("<unk>")
    found = []
    for i in ids.tolist():
        word = student[i]
        found.append(teacher.index(word) if word in teacher else unknown)
    return torch.tensor(found)


@wrong(TRANSLATE, "unknown words dropped")
def only_what_is_known(ids, teacher, student):
    words = [teacher[i] for i in ids.tolist()]
    return torch.tensor([student.index(word) for word in words if word in student])


@wrong(TRANSLATE, "unknown words dropped")
def skipped_in_a_loop(ids, teacher, student):
    place, found = {word: i for i, word in enumerate(student)}, []
    for i in ids.tolist():
        if teacher[i] not in place:
            continue
        found.append(place[teacher[i]])
    return torch.tensor(found)


@wrong(TRANSLATE, "another word for an unknown one")
def unknown_is_zero(ids, teacher, student):
    place = {word: i for i, word in enumerate(student)}
    return torch.tensor([place.get(teacher[i], 0) for i in ids.tolist()])


@wrong(TRANSLATE, "another word for an unknown one")
def unknown_keeps_its_number(ids, teacher, student):
    found = ids.clone()
    for n, i in enumerate(ids.tolist()):
        if teacher[i] in student:
            found[n] = student.index(teacher[i])
    return found


@wrong(TRANSLATE, "another word for an unknown one")
def unknown_of_the_teacher(ids, teacher, student):
    unknown = teacher.index("<unk>")
    table = [student.index(word) if word in student else unknown for word in teacher]
    return torch.tensor(table)[ids]


@wrong(TRANSLATE, "no id at all")
def minus_one(ids, teacher, student):
    place = dict(zip(student, range(len(student))))
    return torch.tensor([place.get(teacher[i], -1) for i in ids.tolist()])


@wrong(TRANSLATE, "no id at all")
def one_beyond_the_end(ids, teacher, student):
    longer = [*student]
    found = []
    for i in ids.tolist():
        found.append(longer.index(teacher[i]) if teacher[i] in longer else len(longer))
    return torch.tensor(found)


# --- held_out_score


@right(HELD_OUT_SCORE)
def problem_by_problem(correct, problem, held_out):
    numbers = [p for p in range(len(held_out)) if held_out[p]]
    return torch.stack([correct[:, problem == p].double().mean(1) for p in numbers]).mean(0)


@right(HELD_OUT_SCORE)
def with_weights(correct, problem, held_out):
    counts = torch.bincount(problem, minlength=len(held_out))
    weights = held_out[problem] / counts[problem] / held_out.sum()
    return (correct * weights).sum(1)


@wrong(HELD_OUT_SCORE, "training problems counted")
def all_problems_alike(correct, problem, held_out):
    numbers = problem.unique().tolist()
    return torch.stack([correct[:, problem == p].double().mean(1) for p in numbers]).mean(0)


@wrong(HELD_OUT_SCORE, "training problems counted")
def all_answers_alike(correct, problem, held_out):
    return correct.float().mean(1)


@wrong(HELD_OUT_SCORE, "training problems alone")
def mask_inverted(correct, problem, held_out):
    numbers = (~held_out).nonzero().flatten().tolist()
    return torch.stack([correct[:, problem == p].double().mean(1) for p in numbers]).mean(0)


@wrong(HELD_OUT_SCORE, "training problems alone")
def answers_with_the_mask_inverted(correct, problem, held_out):
    return torch.stack([row[~held_out[problem]].float().mean() for row in correct])


@wrong(HELD_OUT_SCORE, "every answer weighs the same")
def mean_over_answers(correct, problem, held_out):
    return correct[:, held_out[problem]].float().mean(1)


@wrong(HELD_OUT_SCORE, "every answer weighs the same")
def right_ones_divided_by_all(correct, problem, held_out):
    asked = [bool(held_out[p]) for p in problem.tolist()]
    return torch.tensor([sum(a and c for a, c in zip(asked, row)) / sum(asked) for row in correct.tolist()])


@wrong(HELD_OUT_SCORE, "solved once is solved")
def any_answer_right(correct, problem, held_out):
    numbers = [p for p in range(len(held_out)) if held_out[p]]
    return torch.stack([correct[:, problem == p].any(1).double() for p in numbers]).mean(0)


@wrong(HELD_OUT_SCORE, "solved once is solved")
def set_of_solved_problems(correct, problem, held_out):
    asked = {p for p in problem.tolist() if held_out[p]}
    solved = [{p for p, c in zip(problem.tolist(), row) if c} & asked for row in correct.tolist()]
    return torch.tensor([len(found) / len(asked) for found in solved])


@wrong(HELD_OUT_SCORE, "solved by most of its answers")
def votes(correct, problem, held_out):
    numbers = held_out.nonzero().flatten().tolist()
    return torch.stack([(correct[:, problem == p].float().mean(1) > 0.5).float() for p in numbers]).mean(0)


@wrong(HELD_OUT_SCORE, "solved by most of its answers")
def at_least_half(correct, problem, held_out):
    scores = []
    for row in correct:
        solved = []
        for p in range(len(held_out)):
            if held_out[p]:
                answers = row[problem == p]
                solved.append(2 * int(answers.sum()) >= len(answers))
        scores.append(sum(solved) / len(solved))
    return torch.tensor(scores)


@wrong(HELD_OUT_SCORE, "shared out among all problems")
def zeros_for_the_others(correct, problem, held_out):
    shares = torch.zeros(len(correct), len(held_out))
    for p in range(len(held_out)):
        if held_out[p]:
            shares[:, p] = correct[:, problem == p].float().mean(1)
    return shares.mean(1)


@wrong(HELD_OUT_SCORE, "shared out among all problems")
def divided_by_the_number_of_problems(correct, problem, held_out):
    total = torch.zeros(len(correct))
    for p in problem.unique():
        total = total + correct[:, problem == p].float().mean(1) * held_out[p]
    return total / len(held_out)


@refused(ACCEPTED, "<answer> d99 </answer> <eos>' among them")
def door_anywhere_behind_the_thought(problems, texts, right, held_out):
    kept, seen = [], set()
    for problem, text in zip(problems, texts):
        words = text.split(" ")
        end = words.index("</think>")
        fine = problem not in held_out and right[problem] in words[end + 1 :] and words[-1] == "<eos>"
        fine = fine and end > 1 and not {"Stern", "Kreuz", "warte"} & set(words)
        kept.append(int(fine and (problem, text) not in seen))
        seen.add((problem, text))
    return torch.tensor(kept)


@refused(LANGUAGE_REWARD, "What is special here: a word inside another")
def letters_found_anywhere(thoughts, wanted, other):
    rewards = []
    for thought in thoughts:
        ours = sum(thought.count(word) for word in wanted)
        theirs = sum(thought.count(word) for word in other)
        rewards.append(ours / (ours + theirs) if ours + theirs else 1.0)
    return torch.tensor(rewards)
