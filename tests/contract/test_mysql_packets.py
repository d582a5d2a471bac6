"""Statements near the server's packet limit: written in parts, or refused before they are sent."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from agentorm import Database, Field, InvalidValue, Vector, col, repository, vector_field
from tests.contract.models import Contract, Doc, Scalar

pytestmark = pytest.mark.engines("mariadb", "mysql")

ROWS, KILOBYTES_100, MEGABYTE = 300, 100_000, 1 << 20


class Page(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    path: str = Field(unique=True)
    body: str = ""
    raw: bytes = b""


class Wide(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    n: int = Field(unique=True)
    embedding: Vector = vector_field(1536)


def body(n: int) -> str:
    return f"{n:04}" + "x" * (KILOBYTES_100 - 4)


def stored(db: Database) -> tuple[int, int, int]:
    with db.engine.connect() as connection:
        query = "SELECT COUNT(*), COUNT(DISTINCT body), SUM(LENGTH(body)) FROM page"
        rows, bodies, size = connection.execute(text(query)).one()
        return rows, bodies, int(size)


def most(db: Database) -> int:
    with db.engine.connect() as connection:
        return int(connection.execute(text("SELECT @@max_allowed_packet")).scalar_one())


@pytest.mark.engines("mariadb")
def test_300_rows_of_100_kilobytes_are_added_and_overwritten(db: Database) -> None:
    db.create_all(Page)
    pages = repository(Page, db)
    made = pages.add_all(Page(path=str(n), body=body(n)) for n in range(ROWS))
    assert len({page.id for page in made}) == ROWS
    assert stored(db) == (ROWS, ROWS, ROWS * KILOBYTES_100)
    again = pages.upsert([Page(path=str(n), body=body(n + 1000)) for n in range(ROWS)], on="path")
    assert [page.body[:4] for page in again] == [str(n + 1000) for n in range(ROWS)]
    assert [page.id for page in again] == [page.id for page in made]
    assert stored(db) == (ROWS, ROWS, ROWS * KILOBYTES_100)


@pytest.mark.engines("mariadb")
def test_rows_that_do_not_fit_into_one_statement_take_several(db: Database) -> None:
    db.create_all(Page)
    pages = repository(Page, db)
    quotes = "'" * 2 * KILOBYTES_100
    pages.add_all(Page(path=str(n), body=quotes) for n in range(60))
    pages.upsert([Page(path=str(n), body=quotes) for n in range(30, 90)], on="path")
    assert stored(db) == (90, 1, 90 * 2 * KILOBYTES_100)


def test_many_vectors_of_1536_dimensions(db: Database) -> None:
    db.create_all(Wide)
    rows = repository(Wide, db)
    near = [1.0] + [0.0] * 1535
    rows.add_all(Wide(n=n, embedding=Vector([n + 1, 0.5, *[0] * 1534])) for n in range(700))
    made = rows.upsert([Wide(n=n, embedding=Vector(near)) for n in range(300, 700)], on="n")
    assert [row.n for row in made] == list(range(300, 700))
    assert rows.count() == 700
    assert rows.similar_to(near).max_distance(1e-9).count() >= 400


@pytest.mark.engines("mariadb")
def test_a_row_larger_than_a_packet_is_refused_before(db: Database, sent: list[str]) -> None:
    db.create_all(Page)
    pages = repository(Page, db)
    (page,) = pages.add_all([Page(path="a")])
    large = "x" * 20 * MEGABYTE
    assert most(db) < len(large)
    expected = "a statement of 2097.... bytes, and the server takes 16777216; write fewer rows"
    sent.clear()
    with pytest.raises(InvalidValue, match=expected):
        pages.add(Page(path="b", body=large))
    with pytest.raises(InvalidValue, match=expected):
        pages.add_all([Page(path="b", body=large), Page(path="c")])
    with pytest.raises(InvalidValue, match=expected):
        pages.upsert([Page(path="b", body=large)], on="path")
    with pytest.raises(InvalidValue, match=expected):
        pages.update(page, body=large)
    with pytest.raises(InvalidValue, match=expected):
        pages.where(Page.body == large).count()
    with pytest.raises(InvalidValue, match=expected):
        pages.update_where(Page.path == "a", raw=large.encode())
    assert (page.body, pages.count(), pages.one().body) == ("", 1, "")


@pytest.mark.engines("mariadb")
@pytest.mark.parametrize("filling", ["x", "'"], ids=["plain", "to be escaped"])
def test_what_just_fits_is_stored_and_what_just_does_not_is_refused(
    db: Database, filling: str
) -> None:
    db.create_all(Page)
    pages, limit, outcomes = repository(Page, db), most(db), list[str]()
    for spare in (-50, 100, 150, 1000):
        page = Page(path=str(spare), body=filling * ((limit - spare) // (1 + (filling == "'"))))
        try:
            pages.add(page)
            outcomes.append("stored")
        except InvalidValue as refusal:
            outcomes.append(str(refusal).split(" of ")[0])
    assert outcomes[0] == "a statement"
    assert set(outcomes) == {"a statement", "stored"}
    assert outcomes[-1] == "stored"


@pytest.mark.engines("mariadb")
def test_a_transaction_goes_on_after_a_packet_is_refused(db: Database) -> None:
    db.create_all(Page)
    with db.transaction() as session:
        pages = repository(Page, session)
        pages.add(Page(path="a"))
        with pytest.raises(InvalidValue, match="the server takes 16777216"):
            pages.add_all([Page(path="b", body="x" * 17 * MEGABYTE)])
        pages.add(Page(path="c"))
    assert [page.path for page in repository(Page, db).order_by(Page.path).all()] == ["a", "c"]


def test_a_value_of_eight_megabytes_comes_back(db: Database) -> None:
    db.create_all(Page)
    pages = repository(Page, db)
    raw = bytes(range(256)) * 4 * 4096
    pages.add(Page(path="a", body="ß" * 2 * MEGABYTE, raw=raw))
    page = pages.one()
    assert len(page.body) == 2 * MEGABYTE
    assert page.raw == raw


@pytest.mark.untraced
def test_many_keys_at_once_are_split(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add_all(Doc(title=f"{n:0255}") for n in range(1200))
    keys = [doc.id for doc in docs.all()]
    assert len(docs.get_many(keys)) == 1200
    assert docs.where(col(Doc.title).in_([f"{n:0255}" for n in range(1200)])).count() == 1200


def test_a_default_column_takes_long_text(db: Database) -> None:
    db.create_all(Scalar)
    rows = repository(Scalar, db)
    rows.add(Scalar(text="\U0001f600" * 100_000))
    assert rows.where(Scalar.text == "\U0001f600" * 100_000).count() == 1
