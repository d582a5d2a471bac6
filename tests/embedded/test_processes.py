"""Several processes with an index each, and processes that are killed: a little of both.

The modules say how to run them for long.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.embedded.kills import killed
from tests.embedded.stress import stressed

pytestmark = [pytest.mark.engines("sqlite"), pytest.mark.untraced]


def test_processes_write_roll_back_and_search_in_one_file(tmp_path: Path) -> None:
    done = stressed(tmp_path / "stress.db", processes=2, seconds=3)
    assert done["embedded"] > done["native"]
    assert done["commit"] > 0
    assert done["rollback"] > 0


def test_what_a_killed_process_leaves_is_found(tmp_path: Path) -> None:
    found = killed(tmp_path / "kills.db", kills=3)
    assert (found["kills"], found["embedded"], found["with a file"]) == (3, 18, 3)
