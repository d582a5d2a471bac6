"""Each change of a table with vectors: rendered, applied, reverted, with its rows kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from agentorm import HNSW, IVFFlat
from tests.migrations.harness import Project
from tests.migrations.shapes import TITLES, fill, kept, shaped, vectors

SMALL = HNSW(m=8, ef_construction=32)
Rows = Sequence[Sequence[float] | None]

CHANGES: dict[str, tuple[MetaData, MetaData, Rows | None, Rows | None]] = {
    "add a vector": (shaped(), shaped(3, nullable=True), [None, None], None),
    "add a required vector": (shaped(), shaped(3), [[0, 0, 0], [0, 0, 0]], None),
    "add a vector with its index": (shaped(), shaped(3, index=SMALL), [[0, 0, 0], [0, 0, 0]], None),
    "drop a vector": (shaped(3, nullable=True), shaped(), None, [None, None]),
    "drop a required vector": (shaped(3), shaped(), None, [[0, 0, 0], [0, 0, 0]]),
    "drop a vector with its index": (
        shaped(3, index=SMALL),
        shaped(),
        None,
        [[0, 0, 0], [0, 0, 0]],
    ),
    "change the dimension": (
        shaped(3, nullable=True),
        shaped(4, nullable=True),
        [None, None],
        [None, None],
    ),
    "change the dimension of a required vector": (
        shaped(3),
        shaped(4),
        [[0, 0, 0, 0]] * 2,
        [[0, 0, 0]] * 2,
    ),
    "change the dimension under an index": (
        shaped(3, index=SMALL),
        shaped(4, index=SMALL),
        [[0, 0, 0, 0]] * 2,
        [[0, 0, 0]] * 2,
    ),
    "change the dimension and the index": (
        shaped(3, index=SMALL),
        shaped(4, index=HNSW(), metric="l2"),
        [[0, 0, 0, 0]] * 2,
        [[0, 0, 0]] * 2,
    ),
    "require another dimension": (
        shaped(3, nullable=True),
        shaped(4),
        [[0, 0, 0, 0]] * 2,
        [None, None],
    ),
    "change the metric": (
        shaped(3, index=SMALL),
        shaped(3, index=SMALL, metric="l2"),
        [[1, 1, 1], [2, 2, 2]],
        [[1, 1, 1], [2, 2, 2]],
    ),
    "change the parameters": (
        shaped(3, index=SMALL),
        shaped(3, index=HNSW()),
        [[1, 1, 1], [2, 2, 2]],
        [[1, 1, 1], [2, 2, 2]],
    ),
    "change the method": (
        shaped(3, index=SMALL),
        shaped(3, index=IVFFlat(lists=2)),
        [[1, 1, 1], [2, 2, 2]],
        [[1, 1, 1], [2, 2, 2]],
    ),
    "add the index": (
        shaped(3),
        shaped(3, index=SMALL),
        [[1, 1, 1], [2, 2, 2]],
        [[1, 1, 1], [2, 2, 2]],
    ),
    "drop the index": (
        shaped(3, index=SMALL),
        shaped(3),
        [[1, 1, 1], [2, 2, 2]],
        [[1, 1, 1], [2, 2, 2]],
    ),
    "require vectors and index them": (
        shaped(3, nullable=True),
        shaped(3, index=SMALL),
        [[1, 1, 1], [2, 2, 2]],
        [[1, 1, 1], [2, 2, 2]],
    ),
    "widen another column": (
        shaped(3, index=SMALL),
        shaped(3, index=SMALL, title=100),
        [[1, 1, 1], [2, 2, 2]],
        [[1, 1, 1], [2, 2, 2]],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_applied_and_reverted(url: str, tmp_path: Path, change: str) -> None:
    before, after, changed, reverted = CHANGES[change]
    project = Project(tmp_path / "p", url, render_as_batch=True)
    project.revise(before)
    project.upgrade()
    assert project.difference(before) == ""
    with project.rows() as connection:
        fill(connection, before)

    project.revise(after)
    project.upgrade()
    assert project.difference(after) == ""
    with project.rows() as connection:
        assert kept(connection, after) == TITLES
        if changed is not None:
            assert vectors(connection, after) == changed

    project.downgrade()
    assert project.difference(before) == ""
    with project.rows() as connection:
        assert kept(connection, before) == TITLES
        if reverted is not None:
            assert vectors(connection, before) == reverted
