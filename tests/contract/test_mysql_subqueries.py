"""Conditions and values that ask the changed table itself, which MySQL alone refuses."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from agentorm import Database, Repository, col, repository
from tests.contract.models import Doc, vector

pytestmark = pytest.mark.engines("sqlite", "postgresql", "mariadb", "mysql")


@pytest.fixture
def docs(library: Database) -> Repository[Doc]:
    made = repository(Doc, library)
    made.add_all(Doc(title=str(n), n=n, embedding=vector(1, n, 0)) for n in range(10))
    return made


def test_rows_are_deleted_that_a_subquery_of_their_table_names(docs: Repository[Doc]) -> None:
    late = select(col(Doc.id)).where(col(Doc.n) > 5)
    assert docs.delete_where(col(Doc.id).in_(late)) == 4
    assert docs.delete_where(Doc.n == select(func.min(col(Doc.n))).scalar_subquery()) == 1
    assert [doc.n for doc in docs.order_by(Doc.n).all()] == [1, 2, 3, 4, 5]


def test_rows_are_changed_that_a_subquery_of_their_table_names(docs: Repository[Doc]) -> None:
    late = select(col(Doc.id)).where(col(Doc.n) > 5)
    assert docs.update_where(col(Doc.id).in_(late), topic="late") == 4
    assert docs.where(Doc.topic == "late").count() == 4


def test_a_new_value_comes_from_the_table_itself(docs: Repository[Doc]) -> None:
    most = select(func.max(col(Doc.n))).scalar_subquery()
    assert docs.update_where(Doc.n < 2, n=most) == 2
    assert docs.where(Doc.n == 9).count() == 3
