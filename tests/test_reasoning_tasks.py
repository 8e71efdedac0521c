"""Problems are what they say, traces tell the truth, and the verifier cannot be fooled, tricked or slowed."""

import itertools
import random
import time

import pytest
from reasoning_helpers import BASE, HUNT, changed

from lessons_lib.config import REASONER, HuntConfig
from lessons_lib.reasoning import parse, parse_text, verify
from lessons_lib.reasoning.behaviour import Behaviour, watch
from lessons_lib.reasoning.evaluation import chance_of_right
from lessons_lib.reasoning.hunts import IDS, LANGUAGES, NAMES, Hunts, Problem, decode, encode
from lessons_lib.reasoning.pretraining import IGNORED, batch_of, trace_batches
from lessons_lib.reasoning.tasks import Parsed, language_share

PROBLEM = Problem(((2, 0, 1),), star=1)  # d2 leads to r1, where the star is
GOOD = "<think> d0 r2 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>"


def hunts(**fields):
    return Hunts(HuntConfig(**fields))


def test_a_prompt_tells_all_links_and_contents():
    assert " ".join(PROBLEM.prompt) == "d0 r2 d1 r0 d2 r1 r0 x r1 * r2 x ?"
    assert PROBLEM.answer == "d2" and PROBLEM.path(2) == ["d2", "r1"]


def test_two_lookups_pass_through_a_chest():
    problem = Problem(((1, 0), (1, 0)), star=1)
    assert " ".join(problem.prompt) == "d0 r1 d1 r0 r0 c1 r1 c0 c0 x c1 * ?"
    assert problem.answer == "d1" and problem.path(1) == ["d1", "r0", "c1"]


@pytest.mark.parametrize("fields", [{}, {"lookups": 2, "doors": 4}, {"german": 1.0}, {"mixed": 1.0}])
def test_every_trace_tells_the_truth_and_ends_in_its_last_door(fields):
    corpus, rng = hunts(**fields), random.Random(0)
    for _ in range(300):
        problem = corpus.problem(rng)
        trace = corpus.solution(problem, rng)
        assert len(trace) <= corpus.config.longest - corpus.config.prompt_length
        assert len(problem.prompt) == corpus.config.prompt_length
        parsed = parse(trace)
        found = watch(problem, parsed.thought)
        assert found.read_right == found.tries and not found.doorless
        assert found.hits == verify(problem, trace).accuracy or not parsed.thought
        assert found.stops_after_hit == found.hits  # the corpus always stops when it has found the star
        if parsed.thought:
            assert parsed.answer == ([w for w in parsed.thought if w[0] == "d" and w[1:].isdigit()][-1],)


def test_shares_of_the_corpus_are_those_asked_for():
    corpus, rng = hunts(doors=6, direct=0.25, systematic=1.0, practice=0.4), random.Random(0)
    lines = [corpus.example(rng) for _ in range(4000)]
    practice = [follows for prompt, follows in lines if prompt[-1] == "<read>"]
    solutions = [follows for prompt, follows in lines if prompt[-1] == "?"]
    assert len(practice) / 4000 == pytest.approx(0.4, abs=0.03)
    assert sum(s[1] == "</think>" for s in solutions) / len(solutions) == pytest.approx(0.25, abs=0.03)
    for solution in solutions:  # nobody tries a door twice
        doors = [word for word in parse(solution).thought if word[0] == "d"]
        assert len(doors) == len(set(doors))


def test_searchers_in_order_try_the_first_door_first():
    corpus, rng = hunts(direct=0.0, systematic=0.25, ordered=0.5, go_on=1.0, max_tries=8), random.Random(0)
    problems, kinds = [corpus.problem(rng) for _ in range(2000)], [0, 0]
    for problem in problems:
        trace = parse(corpus.solution(problem, rng))
        doors = [int(word[1:]) for word in trace.thought if word[0] == "d"]
        kinds[0] += doors == list(range(len(doors)))  # one door alone may be d0 by chance
        kinds[1] += len(doors) > len(set(doors))
        assert trace.answer == (f"d{doors[-1]}",)
    assert kinds[0] / 2000 == pytest.approx(0.5 + 0.5 / 36 + 0.01, abs=0.03) and kinds[1] > 100
    again, old = random.Random(1), random.Random(1)  # a share of 0 draws what it always drew
    for problem in problems[:50]:
        assert hunts().solution(problem, again) == solution_without_order(HuntConfig(), problem, old)


def solution_without_order(config, problem, rng):
    """Write a trace as the corpus did before it knew searchers in order."""
    door, thought = rng.randrange(problem.doors), []
    if rng.random() >= config.direct:
        rng.random()  # its language
        systematic, tried = rng.random() < config.systematic, set()
        for n in range(config.max_tries):
            tried.add(door)
            thought += [*problem.path(door), "star" if problem.holds_star(door) else "cross"]
            if problem.holds_star(door) or n + 1 == config.max_tries or rng.random() >= config.go_on:
                break
            thought.append("wait")
            left = [d for d in range(problem.doors) if d not in tried] or range(problem.doors)
            door = rng.choice(left if systematic else range(problem.doors))
    return ["<think>", *thought, "</think>", "<answer>", f"d{door}", "</answer>", "<eos>"]


def test_blind_searchers_do_try_a_door_twice():
    corpus, rng = hunts(direct=0.0, systematic=0.0, go_on=1.0), random.Random(0)
    problems = [corpus.problem(rng) for _ in range(200)]
    assert sum(watch(p, parse(corpus.solution(p, rng)).thought).repeats for p in problems) > 100


def test_languages_are_kept_apart_or_mixed_as_asked():
    rng, words = random.Random(0), {name: set(words) for name, words in LANGUAGES.items()}
    for fields, expected in ({"german": 0.0}, {1.0}), ({"german": 1.0}, {0.0}):
        corpus = hunts(direct=0.0, **fields)
        traces = [corpus.solution(corpus.problem(rng), rng) for _ in range(100)]
        assert {language_share(parse(trace).thought) for trace in traces} == expected
    corpus = hunts(direct=0.0, mixed=1.0)
    traces = [corpus.solution(corpus.problem(rng), rng) for _ in range(300)]
    assert sum(bool(words["english"] & set(t)) and bool(words["german"] & set(t)) for t in traces) > 150
    assert language_share(["d0", "star", "wait", "Kreuz", "warte"]) == 0.5
    assert language_share(["star", "Kreuz", "warte"], "german") == pytest.approx(2 / 3)
    assert language_share(["d0", "r0"]) == 1.0


# ---- held out


def test_no_held_out_problem_is_ever_trained_on():
    """Every prompt of a run's batches is read back; the split is by the whole problem."""
    for config in (BASE, changed(BASE, hunts=(HUNT, changed(HUNT, lookups=2)))):
        batch, _ = trace_batches(config, 0)
        seen = 0
        for step in range(40):
            for row in batch(step)[0].tolist():
                words = decode(row)
                end = next(i for i, word in enumerate(words) if word in ("?", "<read>"))
                assert not problem_of(words[:end]).is_held_out
                seen += 1
        assert seen == 40 * config.batch_size


def problem_of(prompt):
    """Read a problem back from its prompt, by other code than what wrote it."""
    pairs = dict(zip(prompt[::2], prompt[1::2]))
    kinds = "dr" if "c0" not in pairs else "drc"
    links = tuple(
        tuple(int(pairs[f"{kind}{i}"][1:]) for i in range(sum(key[0] == kind for key in pairs)))
        for kind in kinds[: len(kinds) - 1]
    )
    return Problem(links, next(int(key[1:]) for key, value in pairs.items() if value == "*"))


def test_a_seventh_is_held_out_in_every_room_and_the_hash_is_the_same_everywhere():
    problems = [Problem((p,), star) for p in itertools.permutations(range(6)) for star in range(6)]
    held = [p for p in problems if p.is_held_out]
    assert len(held) / len(problems) == pytest.approx(1 / 7, abs=0.02)
    assert {p.star for p in held} == set(range(6)) == {int(p.answer[1]) for p in held}
    assert len(held) == 603  # as on any machine and with any PYTHONHASHSEED
    drawn = hunts(doors=6).problems(500, 0)
    assert all(p.is_held_out for p in drawn) and len(set(drawn)) == 500
    assert not any(p.is_held_out for p in hunts(doors=6).problems(500, 0, held_out=False))
    assert len(hunts(doors=3).problems(50, 0)) == 50  # of two or three, over and over


# ---- the verifier


def test_the_right_form_is_parsed():
    assert parse_text(GOOD) == Parsed(tuple("d0 r2 cross wait d2 r1 star".split()), ("d2",))
    verdict = verify(PROBLEM, GOOD.split())
    assert (verdict.accuracy, verdict.format, verdict.language, verdict.thinks) == (1, 1, 1, True)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "<eos>",
        GOOD.replace(" <eos>", ""),
        GOOD.replace("</think> ", ""),
        GOOD.replace("<answer>", "</answer>"),
        GOOD + " <eos>",
        GOOD + " d2",
        "d2 " + GOOD,
        GOOD.replace("</think>", "</think> d2"),
        GOOD.replace("</answer>", "</answer> d2"),
        GOOD.replace("d0", "<think>"),
        GOOD.replace("d0", "</think> <answer> d2 </answer>"),
        "<answer> d2 </answer> <think> d2 </think> <eos>",
    ],
)
def test_any_other_form_earns_nothing(wrong):
    assert parse_text(wrong) is None
    verdict = verify(PROBLEM, wrong.split())
    assert (verdict.accuracy, verdict.format, verdict.language) == (0, 0, 0)


@pytest.mark.parametrize("answer", ["d1", "d0"])
def test_a_wrong_door_in_the_right_form_earns_the_form_alone(answer):
    verdict = verify(PROBLEM, GOOD.replace("<answer> d2", f"<answer> {answer}").split())
    assert (verdict.accuracy, verdict.format) == (0, 1)


@pytest.mark.parametrize("answer", ["", "d2 d2", "d0 d1 d2", "d7", "r1", "*", "2", "D2", "d２", "d02"])
def test_only_one_door_of_this_problem_is_an_answer(answer):
    verdict = verify(PROBLEM, GOOD.replace("<answer> d2", f"<answer> {answer}").split())
    assert (verdict.accuracy, verdict.format) == (0, 0)


def test_hostile_text_is_compared_and_never_run(tmp_path):
    target = tmp_path / "made"
    for answer in (
        f"__import__('pathlib').Path({str(target)!r}).touch()",
        "exec(open('x').read())",
        "9**9**9**9",
        "{problem.answer}",
        "%s" * 100,
        "\x00",
        "d2\n</answer>\n<answer>",
    ):
        for text in (GOOD.replace("<answer> d2", f"<answer> {answer}"), answer):
            assert verify(PROBLEM, text.split()).accuracy == 0
    assert not target.exists()


def test_any_input_is_answered_in_bounded_time():
    start = time.process_time()
    for text in ("<think> " * 10**6, "(" * 10**7, GOOD.replace("d0", "wait " * 10**6), "<" * 10**7):
        assert parse_text(text) is None
    for words in (["<think>"] * 10**6, ["wait"] * 10**6):
        assert verify(PROBLEM, words).format == 0
    assert time.process_time() - start < 5
    assert parse_text(None) is None and parse_text(b"<think>") is None


# ---- words, batches, counts


def test_every_word_is_one_token_and_back():
    assert decode(encode(GOOD.split())) == GOOD.split()
    assert len(set(NAMES)) == len(NAMES) == len(IDS) <= REASONER.vocab_size
    with pytest.raises(ValueError, match="'d9' at place 1 is not among"):
        encode(["d1", "d9"])


def test_nothing_of_the_prompt_and_no_padding_is_learned():
    short, long = (PROBLEM.prompt, GOOD.split()[-4:]), (PROBLEM.prompt, GOOD.split())
    tokens, targets = batch_of([short, long])
    for row, (prompt, follows) in zip(targets.tolist(), (short, long)):
        learned = [t for t in row if t != IGNORED]
        assert decode(learned) == follows
        assert row[: len(prompt) - 1] == [IGNORED] * (len(prompt) - 1)
    assert tokens.shape == targets.shape


def test_what_a_thought_does_is_counted():
    thought = "d0 r2 cross wait d0 r2 cross wait d1 r1 star wait r1 star".split()
    found = watch(PROBLEM, thought)
    assert (found.thoughts, found.tries, found.read_right, found.repeats) == (1, 4, 2, 1)
    assert (found.hits, found.stops_after_hit, found.misses, found.stops_after_miss) == (2, 1, 2, 0)
    assert found.doorless == 1
    both = found + watch(PROBLEM, "d1 r0 cross".split())
    assert both.share("stops_after_miss", "misses") == pytest.approx(1 / 3)
    assert found.waitless == 0 and watch(PROBLEM, []) == Behaviour()
    found = watch(PROBLEM, "wait d0 r2 cross d1 r0 cross wait wait d2 r1 star d0".split())
    assert (found.tries, found.waitless, found.read_right, found.doorless) == (4, 2, 3, 0)
    assert watch(PROBLEM, ["wait"]) == Behaviour(thoughts=1)


@pytest.mark.parametrize(("n", "c", "k"), [(6, 2, 1), (6, 2, 3), (6, 0, 4), (6, 6, 2), (5, 4, 5)])
def test_pass_at_k_equals_the_share_of_all_choices(n, c, k):
    choices = list(itertools.combinations([1] * c + [0] * (n - c), k))
    assert chance_of_right(n, c, k) == pytest.approx(sum(map(any, choices)) / len(choices))
    with pytest.raises(ValueError, match="k <= n"):
        chance_of_right(n, c, n + 1)


@pytest.mark.parametrize("fields", [{"doors": 9}, {"doors": 1}, {"lookups": 3}, {"direct": 1.5}])
def test_impossible_hunts_are_refused(fields):
    with pytest.raises(ValueError):
        HuntConfig(**fields)
