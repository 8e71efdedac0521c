"""The assistant without a browser: what it says, that it streams, that Stop is heard, and what it refuses."""

import asyncio
from dataclasses import replace

import pytest

from lessons_lib.reasoning.hunts import Problem
from lessons_lib.show import assistant, hunt_words, thinking
from lessons_lib.show.assistant import STOPPED, Assistant, Task

PROBLEM = Problem(((2, 0, 1, 4, 5, 3),), 1)  # door 2 leads to the star
TASK = Task(hunt_words.understand, hunt_words.tell, hunt_words.split, hunt_words.verdict)
RIGHT = "<think> d0 r2 cross wait d2 r1 star </think> <answer> d2 </answer> <eos>".split()


def writer(words):
    """Return a writer that writes `words` whatever it is asked."""
    return lambda problem, budget: iter(words)


def chat(words=RIGHT, task=TASK, **more):
    writers = {"base": writer(["?"]), "trained": writer(words)}
    return Assistant(task, writers, {"all": None}, [PROBLEM], pause=0, **more)


async def wait_for(condition):
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not happen")


def test_a_proposed_problem_is_answered_and_judged():
    talk = chat()
    assert talk._box.value == hunt_words.tell(PROBLEM)
    talk._ask.click()  # without an event loop it runs to its end
    (turn,) = talk.turns
    assert turn.words == RIGHT and turn.verdict == "right" and turn.who == "trained"
    page = talk._chat.value
    assert "d0 r2 cross wait d2 r1 star" in page and "<b>trained:</b> d2" in page and "right" in page
    assert "right (13 words)" in talk._status.value and not talk.busy


def test_an_answer_is_drawn_word_by_word_and_judged_at_its_end_only():
    seen = []

    def draw(problem, words, done):
        seen.append((list(words), done))
        return thinking.as_it_thinks(problem, words, done)

    talk = chat(task=replace(TASK, draw=draw))
    assert talk._picture.layout.display == "none"  # nothing is written yet
    talk.ask(hunt_words.tell(PROBLEM))
    assert [words for words, _ in seen] == [RIGHT[:n] for n in range(1, len(RIGHT) + 1)] + [RIGHT]
    assert [done for _, done in seen] == [False] * len(RIGHT) + [True]
    assert talk._picture.value[1:4] == b"PNG" and talk._picture.layout.display is None
    assert "It answers d2: right." in talk._seen.value and talk._picture in talk.children


def test_without_a_way_to_draw_nothing_stands_below_the_words():
    talk = chat()
    talk.ask(hunt_words.tell(PROBLEM))
    assert talk.turns[0].verdict == "right" and talk._picture not in talk.children


def test_words_appear_one_by_one_and_stop_is_heard_between_them():
    async def scene():
        talk = chat(["<think>"] + ["d0", "r2", "cross", "wait"] * 1000)
        talk.ask(hunt_words.tell(PROBLEM))
        assert talk.busy and talk._ask.disabled and not talk._stop.disabled
        await wait_for(lambda: len(talk.turns[0].words) > 5)
        assert "d0 r2 cross wait" in talk._chat.value
        talk._stop.click()
        await wait_for(lambda: not talk.busy)
        return talk

    talk = asyncio.run(scene())
    assert talk.turns[0].verdict == STOPPED and len(talk.turns[0].words) < 100
    assert "Verifier" not in talk._chat.value
    assert talk._stop.disabled and not talk._ask.disabled  # and it can be asked again
    talk.ask(hunt_words.tell(PROBLEM))
    assert len(talk.turns) == 2 and talk.turns[1].verdict != STOPPED


def test_a_second_question_waits_until_the_first_is_answered():
    async def scene():
        talk = chat()
        talk.ask(hunt_words.tell(PROBLEM))
        talk.ask("2 0 1 4 5 3 1")
        assert len(talk.turns) == 1 and "One answer at a time" in talk._status.value
        await wait_for(lambda: not talk.busy)

    asyncio.run(scene())


def test_leaving_the_box_asks_nothing_and_enter_asks_what_was_typed():
    talk = chat()
    talk._box.value = "2 0 1 4 5 3 1"
    assert talk.turns == []
    talk._box._handle_custom_msg({"event": "submit"}, [])
    assert talk.turns[0].verdict == "right"


def test_enter_waits_for_the_text_that_the_browser_sends_after_it():
    """It sends "submit" first and the value afterwards: the old text must not be asked."""

    async def scene():
        talk = chat()
        talk._box._handle_custom_msg({"event": "submit"}, [])
        assert talk.turns == []
        talk._box.value = "What is the capital of France?"
        await asyncio.sleep(0)
        asked = [turn.asked for turn in talk.turns]
        await asyncio.sleep(2 * assistant.GRACE)
        return asked, [turn.asked for turn in talk.turns]

    at_once, later = asyncio.run(scene())
    assert at_once == later == ["What is the capital of France?"]


def test_enter_on_text_that_has_not_changed_asks_it_again():
    async def scene():
        talk = chat()
        talk._box._handle_custom_msg({"event": "submit"}, [])
        await asyncio.sleep(2 * assistant.GRACE)
        await wait_for(lambda: not talk.busy)
        return talk.turns

    (turn,) = asyncio.run(scene())
    assert turn.verdict == "right"


@pytest.mark.parametrize(
    "text, said",
    [
        ("What is the capital of France?", "not a hunt I could search"),
        ("", "not a hunt I could search"),
        ("__import__('os').system('true')", "not a hunt I could search"),
        ("1 2 3", "I count 3 in that where I need 7"),
        ("2 0 1 4 5 5 1", "exactly one door"),
        ("2 0 1 4 5 3 9", "There is no room 9"),
        ("2 0 1 4 5 3 1 " * 50, "not a hunt I could search"),
    ],
)
def test_what_is_no_hunt_gets_a_kind_explanation_of_what_the_model_knows(text, said):
    talk = chat()
    talk.ask(text)
    (turn,) = talk.turns
    assert said in turn.verdict and "treasure hunts" in turn.verdict and turn.words == []
    assert not talk.busy and not talk._ask.disabled


@pytest.mark.parametrize(
    "text",
    ["2 0 1 4 5 3 1", "2,0,1,4,5,3,1", "rooms 2, 0, 1, 4, 5, 3 and the star in 1", hunt_words.tell(PROBLEM)],
)
def test_numbers_are_understood_however_they_are_written(text):
    assert hunt_words.understand(text) == PROBLEM


def test_what_is_typed_and_written_is_shown_as_text_and_not_as_markup():
    talk = chat(["<think>", "<b>bold</b>", "</think>"])
    talk.ask("<img src=x onerror=alert(1)> 2 0 1 4 5 3 1")
    assert "<img" not in talk._chat.value and "<b>bold" not in talk._chat.value
    assert "&lt;img" in talk._chat.value


def test_a_writer_that_fails_is_reported_and_the_chat_goes_on():
    def broken(problem, budget):
        yield "<think>"
        raise RuntimeError("no memory")

    talk = Assistant(TASK, {"broken": broken}, {"all": None}, [PROBLEM], pause=0)
    talk.ask(hunt_words.tell(PROBLEM))
    assert "RuntimeError: no memory" in talk.turns[0].verdict and not talk.busy


@pytest.mark.parametrize(
    "words, said",
    [
        (RIGHT, "right"),
        ("<think> </think> <answer> d3 </answer> <eos>".split(), "wrong, it is d2"),
        ("<think> </think> <answer> d2".split(), "no answer that could be read"),
        ("<think> </think> <answer> r2 </answer> <eos>".split(), "no answer that could be read"),
    ],
)
def test_the_verifier_reads_the_answer_alone(words, said):
    assert hunt_words.verdict(PROBLEM, words) == said


def test_without_widgets_the_chat_says_what_it_is():
    data, _ = chat()._repr_mimebundle_()
    assert (
        data["text/plain"].startswith("[chat with base or trained") and "Run this cell" in data["text/html"]
    )
