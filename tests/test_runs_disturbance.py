"""The switch that stands for other processors: slightly other numbers where it is set, else today's bits."""

import json

import pytest
import torch
from reasoning_helpers import BASE, RL
from training_helpers import TINY, Counter, assert_same_bits

from lessons_lib.model import Transformer
from lessons_lib.reasoning import learn_to_reason, pretrain
from lessons_lib.runs import run_seeds, run_store
from lessons_lib.runs.disturbance import VARIABLE, disturb, disturbance
from lessons_lib.training import stepper, train


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "runs"


def trained(function, config, monkeypatch, number):
    monkeypatch.setenv(VARIABLE, number)
    return function(config, 0, progress=Counter())


@pytest.mark.parametrize("function, config", [(train, TINY), (pretrain, BASE)], ids=["train", "pretrain"])
def test_a_disturbed_run_differs_in_its_last_digits_and_is_stored_apart(function, config, store, monkeypatch):
    plain, one, two = (trained(function, config, monkeypatch, number) for number in ("", "1", "2"))
    assert len(list(store.iterdir())) == 3  # versions of nothing: three runs
    for found in (one, two):
        assert found.history["loss"] == pytest.approx(plain.history["loss"], rel=1e-3)
        assert found.history["loss"] != plain.history["loss"]
    assert one.history["loss"] != two.history["loss"]
    progress = Counter()
    again = function(config, 0, progress=progress)  # "2" is still asked for
    assert progress.updates == [config.steps] and again.history["loss"] == two.history["loss"]


def test_without_it_identity_and_bits_are_as_they_were(store, monkeypatch):
    plain = train(TINY, 0, progress=Counter())
    (entry,) = store.iterdir()
    identity = json.loads((entry / "run.json").read_text(encoding="utf-8"))["identity"]
    assert set(identity) == {"function", "configuration", "seed", "torch", "format", "code"}
    assert_same_bits(plain, trained(train, TINY, monkeypatch, " "))
    assert len(list(store.iterdir())) == 1
    model = Transformer(TINY.model)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    disturb(model, 0)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_every_weight_is_moved_by_about_a_last_digit_by_seed_and_number(monkeypatch):
    torch.manual_seed(0)
    model = Transformer(TINY.model).double()
    before = {name: weight.clone() for name, weight in model.named_parameters()}

    def moved(number, seed):
        monkeypatch.setenv(VARIABLE, number)
        model.load_state_dict(before, strict=False)
        disturb(model, seed)
        return torch.cat([((w - before[n]) / before[n]).flatten() for n, w in model.named_parameters()])

    first = moved("1", 0)
    assert 0.9e-7 < first.std() < 1.1e-7 and (first != 0).all()
    assert torch.equal(first, moved("1", 0))
    assert not torch.equal(first, moved("2", 0)) and not torch.equal(first, moved("1", 1))


def test_what_is_learned_later_starts_from_the_disturbed_base_and_is_stored_apart(store, monkeypatch):
    for number in ("", "3"):
        trained(learn_to_reason, RL, monkeypatch, number)
    assert len(list(store.glob("pretrain-*"))) == len(list(store.glob("learn_to_reason-*"))) == 2


def test_a_step_that_is_timed_is_still_that_of_the_run(monkeypatch):
    run = trained(train, TINY, monkeypatch, "1")
    assert stepper(TINY, 0)() == run.history["loss"][0]


def test_workers_inherit_it(store, monkeypatch):
    monkeypatch.setenv(VARIABLE, "4")
    found = run_seeds([(train, TINY, 0), (train, TINY, 1)])
    here = run_store.load(train, TINY, 0)
    assert here is not None and here.result.history["loss"] == found[0].history["loss"]
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(store.parent / "other"))
    assert_same_bits(train(TINY, 0, progress=Counter()), found[0])
    monkeypatch.delenv(VARIABLE)
    assert train(TINY, 0, progress=Counter()).history["loss"] != found[0].history["loss"]


@pytest.mark.parametrize("asked", ["one", "1.5", "-1", "0x1"])
def test_what_is_no_whole_number_is_refused(asked, monkeypatch):
    monkeypatch.setenv(VARIABLE, asked)
    with pytest.raises(ValueError, match=f"{VARIABLE} must be a whole number"):
        disturbance()
    monkeypatch.setenv(VARIABLE, "0")
    assert disturbance() == 0  # a draw like the others
