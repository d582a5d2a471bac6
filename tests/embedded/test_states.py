"""Whatever happens to a table, a search finds the nearest rows that its own transaction sees."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.embedded.file_states import FileStates
from tests.embedded.shelves import SHELVES, ByName, ByNumber, Shelf
from tests.embedded.states import States

EXAMPLES = int(os.environ.get("AGENTORM_EXAMPLES", settings().max_examples // 10))
steps = settings(max_examples=EXAMPLES, stateful_step_count=40)
pytestmark = [pytest.mark.engines("sqlite"), pytest.mark.untraced]


def run(begun: Callable[[], States]) -> None:
    machine: Any = begun  # a function serves as well as a class
    run_state_machine_as_test(machine, settings=steps)


@pytest.mark.parametrize("model", SHELVES)
def test_in_a_file(tmp_path: Path, model: type[Shelf]) -> None:
    FileStates.rankers.clear()

    run(lambda: FileStates(model, tmp_path / f"{uuid4().hex}.db"))
    assert FileStates.rankers["embedded"] > FileStates.rankers["native"]


@pytest.mark.parametrize("model", [ByNumber, ByName])
@pytest.mark.filterwarnings("ignore:.*locked.*:agentorm.errors.SlowPath")
def test_in_memory(model: type[Shelf]) -> None:
    States.rankers.clear()
    run(lambda: States(model, "sqlite://?timeout=0"))
    assert States.rankers["embedded"] > States.rankers["native"]
