"""Experts or a table: equal in parameters, the table's rate its own, and the book known by the end."""

from dataclasses import replace

import pytest
import torch
from training_helpers import Counter

from lessons_lib.config import ModelConfig, OptimizerConfig
from lessons_lib.config.book import BookConfig
from lessons_lib.config.engram import MemoryConfig
from lessons_lib.training import engram
from lessons_lib.training.engram import memorise, rows_for, told

WHOLE = ModelConfig(
    vocab_size=36,
    dim=16,
    n_layers=2,
    n_heads=2,
    max_seq_len=8,
    n_routed_experts=8,
    n_activated_experts=2,
    moe_inter_dim=16,
)
BOOK = BookConfig(
    replace(WHOLE, n_routed_experts=2), 20, 60, 20, optimizer=OptimizerConfig(1e-2, 0.02, 5, 0.0)
)


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPSEEK_COURSE_RUNS", str(tmp_path / "runs"))


def test_rows_pay_for_the_experts_that_are_missing():
    everything = memorise(MemoryConfig(replace(BOOK, model=WHOLE, steps=1)), 0, progress=Counter())
    table = MemoryConfig(replace(BOOK, steps=1), rows_for(WHOLE, 2))
    traded = memorise(table, 0, progress=Counter()).parameters
    assert 0.95 < traded / everything.parameters <= 1
    with pytest.raises(ValueError, match="at most 8, got 9"):
        rows_for(WHOLE, 9)


def test_a_small_book_is_learned_from_a_table_and_looked_at_ten_times():
    found = memorise(MemoryConfig(BOOK, 800), 1, progress=Counter())
    assert list(found.known) == list(range(6, 61, 6))
    assert found.known[60] > 0.9 and found.known[6] < 0.2


def test_only_the_table_has_the_rate_of_the_table():
    model, optimizer = engram._reader(MemoryConfig(BOOK, 800, table_rate=3.0), 0)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    optimizer.step()
    moved = {name: (p - before[name]).abs().mean().item() for name, p in model.named_parameters()}
    assert moved["memory.table"] == pytest.approx(0.3, rel=1e-3)
    assert moved["head.weight"] == pytest.approx(0.1, rel=1e-3)


def test_a_number_counts_only_whole():
    book = torch.tensor([[0, 1, 2, 26, 27, 28], [3, 4, 5, 29, 30, 31]])

    class Reciter(torch.nn.Module):
        def forward(self, lines):
            answers = torch.nn.functional.one_hot(book[:, 1:], 36).float()
            answers[1, 4] = 0.0  # of the second number the last digit is lost
            return answers

    assert told(Reciter(), book) == 0.5
