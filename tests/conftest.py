"""What every test shares: one thread, a run store that is never the reader's own, and which tests wait."""

import os
import sys
from pathlib import Path

import pytest
import torch

# Two busy threads on two busy cores stall each other; one gives the same numbers everywhere.
torch.set_num_threads(1)


def pytest_collection_modifyitems(config, items):
    """Skip the tests marked `deep`, which take minutes, unless they are asked for by `-m deep`."""
    if "deep" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("deep"):
                item.add_marker(pytest.mark.skip(reason="takes long: start.py test --deep"))


@pytest.fixture(autouse=True, scope="session")
def store_of_the_tests(tmp_path_factory):
    """Point the run store to an empty folder, or to one in that which tests/run.py has chosen.

    Of two processes that share the files of tests out each has its own: whether a run is trained or loaded
    must not depend on what the other did.
    """
    chosen = os.environ.get("DEEPSEEK_COURSE_RUNS")
    store = (
        Path(chosen, os.environ.get("PYTEST_XDIST_WORKER", "")) if chosen else tmp_path_factory.mktemp("runs")
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPSEEK_COURSE_RUNS", str(store))
        yield


@pytest.fixture(autouse=True)
def style_as_it_was():
    """Give back matplotlib's settings after a test: who calls `use_style` changes no later test's titles."""
    if "matplotlib" not in sys.modules:
        yield
        return
    import matplotlib

    with matplotlib.rc_context():
        yield


@pytest.fixture
def generator():
    """A seeded source of random numbers, fresh for each test."""
    return torch.Generator().manual_seed(0)
