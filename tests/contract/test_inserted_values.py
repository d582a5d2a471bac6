"""Rows in bulk whose values came past the entity's checks, or are of several types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agentorm import Database, InvalidValue, Vector, repository
from agentorm.switch import plans_switched
from tests.contract.models import Doc, vector


class Title(str):
    """Text of a class of its own."""

    __slots__ = ()


@pytest.fixture(autouse=True, params=[True, False], ids=["direct", "flushed"])
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """The same expectations hold with the fast ways and without them."""
    with plans_switched(on=request.param):
        yield


def docs(*titles: str) -> list[Doc]:
    return [Doc(title=title, embedding=vector(1, 2, 3)) for title in titles]


UNCHECKED: dict[str, tuple[str, Any]] = {
    "NUL": ("title", "a\0b"),
    "no Unicode": ("title", "\ud800"),
    "too long": ("title", "a" * 256),
    "too large": ("n", 2**63),
    "too small": ("n", -(2**63) - 1),
    "too short": ("embedding", Vector([1, 2])),
}


@pytest.mark.parametrize(("name", "value"), UNCHECKED.values(), ids=UNCHECKED)
def test_values_that_nobody_has_checked_are_refused(
    library: Database, name: str, value: object
) -> None:
    rows = docs("a", "b", "\xe9")
    vars(rows[1])[name] = value
    with pytest.raises(InvalidValue):
        repository(Doc, library).add_all(rows)
    assert repository(Doc, library).count() == 0


def test_values_of_several_types_share_a_column(library: Database) -> None:
    rows = [*docs("a", "b"), Doc(title="\xe9"), Doc(title="\U0001f600", n=-5)]
    vars(rows[1]).update(title=Title("b"), embedding=[3, 2, 1])
    repository(Doc, library).add_all(rows)
    stored = repository(Doc, library).order_by(Doc.title).all()
    assert [(doc.title, doc.n, doc.embedding) for doc in stored] == [
        ("a", 0, Vector([1, 2, 3])),
        ("b", 0, Vector([3, 2, 1])),
        ("\xe9", 0, None),
        ("\U0001f600", -5, None),
    ]


@pytest.mark.parametrize("components", [[1e-20, 0, 0], [1e25, 0, 0]], ids=["short", "long"])
@pytest.mark.engines("mariadb")
def test_vectors_beyond_an_engine_are_refused(library: Database, components: list[float]) -> None:
    rows = docs("a", "b", "c")
    rows[1].embedding = Vector(components)
    with pytest.raises(InvalidValue):
        repository(Doc, library).add_all(rows)
    rows[1].embedding = Vector([0, 0, 0])
    assert len(repository(Doc, library).add_all(rows)) == 3
