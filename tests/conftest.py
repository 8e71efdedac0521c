"""What every test shares: one thread, and a run store that is never the reader's own."""

import os

import pytest
import torch

# Two busy threads on two busy cores stall each other; one gives the same numbers everywhere.
torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def store_of_the_tests(tmp_path_factory):
    """Point the run store to an empty folder, unless tests/run.py has already chosen one."""
    if "DEEPSEEK_COURSE_RUNS" in os.environ:
        yield
        return
    os.environ["DEEPSEEK_COURSE_RUNS"] = str(tmp_path_factory.mktemp("runs"))
    yield
    del os.environ["DEEPSEEK_COURSE_RUNS"]


@pytest.fixture
def generator():
    """A seeded source of random numbers, fresh for each test."""
    return torch.Generator().manual_seed(0)
