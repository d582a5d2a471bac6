"""New values computed from old ones: each sees the row as it was, on every engine."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, true
from sqlalchemy.orm import aliased

from agentorm import Database, Field, Repository, col, repository
from tests.contract.models import Contract

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql")


class Node(Contract, table=True):
    """A tree of numbers."""

    id: int | None = Field(default=None, primary_key=True)
    a: int = 0
    b: int = 0
    c: int = 0
    parent_id: int | None = Field(default=None, foreign_key="node.id")


class Cell(Contract, table=True):
    """A key of two columns."""

    x: int = Field(primary_key=True)
    y: int = Field(primary_key=True)
    a: int = 0
    b: int = 0


@pytest.fixture
def nodes(db: Database) -> Repository[Node]:
    db.create_all(Node, Cell)
    made = repository(Node, db)
    made.add(Node(id=1, a=1, b=10, c=100))
    made.add_all(
        [Node(id=2, a=2, b=20, c=200, parent_id=1), Node(id=3, a=3, b=30, c=300, parent_id=1)]
    )
    return made


def rows(nodes: Repository[Node]) -> list[tuple[int, int, int]]:
    return [(node.a, node.b, node.c) for node in nodes.order_by(Node.id).all()]


def test_two_fields_are_swapped(nodes: Repository[Node]) -> None:
    assert nodes.update_where(Node.id == 1, a=Node.b, b=Node.a) == 1
    assert rows(nodes) == [(10, 1, 100), (2, 20, 200), (3, 30, 300)]
    assert nodes.update_where(Node.id != 1, b=Node.a, a=Node.b) == 2
    assert rows(nodes) == [(10, 1, 100), (20, 2, 200), (30, 3, 300)]


def test_three_fields_change_places(nodes: Repository[Node]) -> None:
    assert nodes.update_where(true(), a=Node.b, b=Node.c, c=Node.a) == 3
    assert rows(nodes) == [(10, 100, 1), (20, 200, 2), (30, 300, 3)]


def test_an_increment_is_not_seen_by_the_next_value(nodes: Repository[Node]) -> None:
    assert nodes.update_where(true(), a=col(Node.a) + 1, b=col(Node.a) * 100) == 3
    assert rows(nodes) == [(2, 100, 100), (3, 200, 200), (4, 300, 300)]
    assert nodes.update_where(Node.a > 2, a=0, b=col(Node.a) + col(Node.c), c=col(Node.c) - 1) == 2
    assert rows(nodes) == [(2, 100, 100), (0, 203, 199), (0, 304, 299)]


def test_a_plain_value_is_not_seen_by_an_expression(nodes: Repository[Node]) -> None:
    assert nodes.update_where(Node.id == 2, a=7, b=Node.a, c=5) == 1
    assert rows(nodes) == [(1, 10, 100), (7, 2, 5), (3, 30, 300)]


def test_conditions_see_the_values_before(nodes: Repository[Node]) -> None:
    changed = nodes.update_where(Node.a < 3, Node.b > 10, a=col(Node.a) + 5, b=0)
    assert changed == 1
    assert rows(nodes) == [(1, 10, 100), (7, 0, 200), (3, 30, 300)]
    assert nodes.update_where(Node.a == 99, a=Node.b, b=Node.a) == 0
    assert rows(nodes) == [(1, 10, 100), (7, 0, 200), (3, 30, 300)]


def test_a_key_of_two_columns_names_the_row(nodes: Repository[Node], db: Database) -> None:
    cells = repository(Cell, db)
    cells.add_all([Cell(x=1, y=1, a=1, b=2), Cell(x=1, y=2, a=3, b=4), Cell(x=2, y=1, a=5, b=6)])
    assert cells.update_where(Cell.x == 1, a=Cell.b, b=Cell.a) == 2
    found = [(cell.a, cell.b) for cell in cells.order_by(Cell.x, Cell.y).all()]
    assert found == [(2, 1), (4, 3), (5, 6)]


def test_entities_of_the_session_show_what_is_stored(nodes: Repository[Node], db: Database) -> None:
    with db.session() as session:
        held = repository(Node, session)
        first, second, third = held.order_by(Node.id).all()
        assert held.update_where(Node.id == 1, a=Node.b, b=Node.a) == 1
        assert (first.a, first.b, first.c) == (10, 1, 100)
        assert held.update_where(Node.id == 2, a=col(Node.a) + 1, b=col(Node.a) * 100) == 1
        assert (second.a, second.b, second.c) == (3, 200, 200)
        assert (third.a, third.b, third.c) == (3, 30, 300)
        session.commit()
        assert (first.a, first.b) == (10, 1)
    assert rows(nodes) == [(10, 1, 100), (3, 200, 200), (3, 30, 300)]


def test_entities_of_the_session_show_a_single_new_value(
    nodes: Repository[Node], db: Database
) -> None:
    most = select(func.max(col(Node.b))).scalar_subquery()
    with db.session() as session:
        held = repository(Node, session)
        first, second, _ = held.order_by(Node.id).all()
        assert held.update_where(Node.id == 1, a=most) == 1
        assert held.update_where(Node.id == 2, a=col(Node.a) + 40) == 1
        assert (first.a, second.a) == (30, 42)
        session.commit()
    assert rows(nodes) == [(30, 10, 100), (42, 20, 200), (3, 30, 300)]


def highest_but_limited() -> Any:
    return select(col(Node.b)).order_by(col(Node.b).desc()).limit(1).scalar_subquery()


def second_highest() -> Any:
    return select(col(Node.b)).order_by(col(Node.b).desc()).limit(1).offset(1).scalar_subquery()


def highest_and_one() -> Any:
    return select(func.max(col(Node.b))).scalar_subquery() + 1


def highest_or_zero() -> Any:
    return func.coalesce(select(func.max(col(Node.b))).scalar_subquery(), 0)


def highest_of_an_alias() -> Any:
    other = aliased(Node)
    return select(func.max(other.b)).scalar_subquery()


def number_of_children() -> Any:
    other = aliased(Node)
    return (
        select(func.count(col(other.id))).where(col(other.parent_id) == Node.id).scalar_subquery()
    )


def highest_with_children() -> Any:
    child, parent = aliased(Node), aliased(Node)
    joined = select(func.max(parent.b)).join(child, col(child.parent_id) == parent.id)
    return joined.scalar_subquery()


def highest_of_a_bare_select() -> Any:
    return select(func.max(col(Node.b)))


BARE = "ignore:implicitly coercing SELECT object to scalar subquery"
SHAPES: dict[str, tuple[Any, list[int]]] = {
    "limited": (highest_but_limited, [30, 30, 30]),
    "limited with an offset": (second_highest, [20, 20, 20]),
    "within a sum": (highest_and_one, [31, 31, 31]),
    "within a function": (highest_or_zero, [30, 30, 30]),
    "of an alias": (highest_of_an_alias, [30, 30, 30]),
    "correlated": (number_of_children, [2, 0, 0]),
    "joined": (highest_with_children, [10, 10, 10]),
    "bare": (highest_of_a_bare_select, [30, 30, 30]),
}


@pytest.mark.filterwarnings(BARE)
@pytest.mark.parametrize(("shape", "expected"), SHAPES.values(), ids=SHAPES)
def test_a_subquery_of_the_table_gives_the_value(
    nodes: Repository[Node], shape: Any, expected: list[int]
) -> None:
    assert nodes.update_where(true(), a=shape()) == 3
    assert rows(nodes) == [(expected[0], 10, 100), (expected[1], 20, 200), (expected[2], 30, 300)]


@pytest.mark.filterwarnings(BARE)
@pytest.mark.parametrize(("shape", "expected"), SHAPES.values(), ids=SHAPES)
def test_a_subquery_beside_other_values_and_a_condition(
    nodes: Repository[Node], shape: Any, expected: list[int]
) -> None:
    late = select(col(Node.id)).where(col(Node.a) > 1)
    assert nodes.update_where(col(Node.id).in_(late), a=shape(), b=Node.a, c=7) == 2
    assert rows(nodes) == [(1, 10, 100), (expected[1], 2, 7), (expected[2], 3, 7)]
