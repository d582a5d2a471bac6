"""Pages: together they are all rows, each once, whatever comes or goes between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import REAL, Float, func
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, selectinload

from agentorm import (
    Database,
    InvalidCursor,
    InvalidQuery,
    NotBound,
    Page,
    Repository,
    SyncQuery,
    col,
    repository,
)
from agentorm.endings import Endings
from tests.contract.models import Author, Doc, Pair, Required, Scalar, Tag
from tests.contract.scalars import ASCENDING
from tests.engines import NAMES

pytestmark = pytest.mark.engines(*NAMES)


class Plain(DeclarativeBase):
    """What classes of a user's own derive from."""


class PagedSingle(Plain):
    __tablename__ = "paged_single"
    id: Mapped[int] = mapped_column(primary_key=True)
    wide: Mapped[float] = mapped_column(Float)
    narrow: Mapped[float] = mapped_column(REAL)


def walked(query: Endings[Any], size: int) -> list[Any]:
    """Every row, page by page."""
    page = query.page(size=size)
    rows = [*page]
    while page.next is not None:
        assert len(page) == size
        page = query.page(page.next, size=size)
        rows += page
    return rows


@pytest.fixture
def shelf(library: Database) -> Database:
    """Twelve documents of three topics, one of them none, and four numbers."""
    repository(Doc, library).add_all(
        Doc(id=n, title=f"{'aAbé'[n % 4]}{n}", topic=[None, "x", "y"][n % 3], n=n % 4)
        for n in range(1, 13)
    )
    return library


def test_a_page_has_its_rows_and_a_cursor(shelf: Database) -> None:
    docs = repository(Doc, shelf).order_by(Doc.id)
    page = docs.page(size=5)
    assert [doc.id for doc in page] == [1, 2, 3, 4, 5]
    assert (len(page), page[0].id, [doc.id for doc in page[1:3]]) == (5, 1, [2, 3])
    assert (page.hits, repr(page)) == (None, "<a page of 5 rows, more follow>")
    page = docs.page(page.next, size=5)
    assert [doc.id for doc in page] == [6, 7, 8, 9, 10]
    page = docs.page(page.next, size=5)
    assert [doc.id for doc in page] == [11, 12]
    assert (page.next, repr(page)) == (None, "<a page of 2 rows, the last>")


def test_a_full_page_can_be_the_last(shelf: Database) -> None:
    docs = repository(Doc, shelf)
    assert docs.page(size=12).next is None
    page = docs.page(size=6)
    assert docs.page(page.next, size=6).next is None
    assert len(docs.page()) == 12


def test_a_page_of_nothing_is_empty(library: Database) -> None:
    page = repository(Doc, library).page()
    assert (list(page), page.next, page.hits) == ([], None, None)


def test_pages_may_differ_in_size(shelf: Database) -> None:
    docs = repository(Doc, shelf).order_by(Doc.n)
    first = docs.page(size=1)
    second = docs.page(first.next, size=10)
    third = docs.page(second.next, size=2)
    assert [doc.id for page in (first, second, third) for doc in page] == [
        *(4, 8, 12),
        *(1, 5, 9),
        *(2, 6, 10),
        *(3, 7, 11),
    ]


ORDERS: dict[str, tuple[Any, ...]] = {
    "none": (),
    "descending": (col(Doc.id).desc(),),
    "nulls smallest": (Doc.topic,),
    "nulls behind all when descending": (col(Doc.topic).desc(),),
    "nulls first": (col(Doc.topic).desc().nulls_first(), Doc.n),
    "nulls last": (col(Doc.topic).asc().nulls_last(), col(Doc.n).desc()),
    "mixed": (col(Doc.n).desc(), Doc.topic, col(Doc.title).desc()),
    "twice": (Doc.n, col(Doc.n).desc()),
    "by the key first": (Doc.id, Doc.title),
    "an expression": (func.lower(Doc.title),),
    "arithmetic": (-col(Doc.n), Doc.n * col(Doc.id) % 5),
    "a condition": (Doc.topic == "x", col(Doc.n) > 1),
    "a label": (col(Doc.n).label("number"),),
    "a label downwards": (col(Doc.n).label("number").desc(),),
    "a date function": (func.coalesce(Doc.topic, "m"), func.length(Doc.title)),
}


@pytest.mark.parametrize("size", [1, 5])
def test_all_pages_are_all_rows(shelf: Database, size: int) -> None:
    with shelf.session() as session:
        for name, order in ORDERS.items():
            docs = repository(Doc, session).order_by(*order)
            assert (name, walked(docs, size)) == (name, docs.all())


def test_filters_hold_on_every_page(shelf: Database) -> None:
    docs = repository(Doc, shelf).where(Doc.topic == "x").order_by(col(Doc.n).desc())
    assert [doc.id for doc in walked(docs, 2)] == [7, 10, 1, 4]


def test_every_scalar_can_be_paged_by(db: Database) -> None:
    db.create_all(Scalar)
    for field, ascending in ASCENDING.items():
        values = [None, *ascending]
        with db.session() as session:
            rows = repository(Scalar, session)
            rows.add_all(Scalar(**{field: value}) for value in values)
            up, down = getattr(Scalar, field), getattr(Scalar, field).desc()
            assert [getattr(row, field) for row in walked(rows.order_by(up), 1)] == values
            assert [getattr(row, field) for row in walked(rows.order_by(down), 2)] == values[::-1]


def test_zero_has_one_place(db: Database) -> None:
    db.create_all(Scalar)
    repository(Scalar, db).add_all(Scalar(id=n, real=x) for n, x in enumerate([-0.0, 0.0] * 3, 1))
    assert [row.id for row in walked(repository(Scalar, db).order_by(Scalar.real), 1)] == [
        *(1, 2, 3),
        *(4, 5, 6),
    ]


@pytest.mark.parametrize("letter", ["x", "\U0001f600"])
def test_texts_that_begin_alike_are_all_there(db: Database, letter: str) -> None:
    db.create_all(Scalar)
    for beginning in (255, 256, 341, 1024, 5000):
        with db.session() as session:
            check_beginning(repository(Scalar, session), letter, beginning)


def check_beginning(rows: Repository[Scalar], letter: str, beginning: int) -> None:
    rows.add_all(
        Scalar(
            text=letter * beginning + "ba"[n % 2] * (n % 3), raw=b"x" * beginning + b"ba"[n % 2 :]
        )
        for n in range(9)
    )
    orders = [(Scalar.text,), (col(Scalar.text).desc(),), (Scalar.raw,), (func.upper(Scalar.text),)]
    for order in orders:
        found = walked(rows.order_by(*order), 2)
        assert sorted(map(id, found)) == sorted(map(id, rows.all()))


def test_floats_of_single_precision_have_one_place(db: Database) -> None:
    db.create_all(PagedSingle)
    rows = repository(PagedSingle, db)
    rows.add_all(PagedSingle(id=n, wide=n % 3 / 7, narrow=0.1 + n % 4 / 7) for n in range(1, 13))
    for order in (PagedSingle.wide, PagedSingle.narrow, PagedSingle.narrow / 3):
        expected = rows.order_by(order).all()
        assert [row.id for row in walked(rows.order_by(order), 2)] == [row.id for row in expected]


def test_a_window_function_is_refused(shelf: Database) -> None:
    docs = repository(Doc, shelf).order_by(func.count().over(partition_by=col(Doc.n)))
    with pytest.raises(InvalidQuery, match=r"pages cannot be sorted by count\(\*\) OVER"):
        docs.page()


def test_keys_of_several_columns(db: Database) -> None:
    db.create_all(Pair)
    keys = [("b", 1), ("a", 10), ("a", 9), ("B", 2), ("é", 1), ("a", -1)]
    repository(Pair, db).add_all(Pair(shelf=s, place=p, note="n" * (p % 2)) for s, p in keys)
    expected = [("B", 2), ("a", -1), ("a", 9), ("a", 10), ("b", 1), ("é", 1)]
    pairs = repository(Pair, db)
    assert [(pair.shelf, pair.place) for pair in walked(pairs, 1)] == expected
    by_note = walked(pairs.order_by(col(Pair.note).desc()), 2)
    assert [(pair.shelf, pair.place) for pair in by_note] == [
        *[("a", -1), ("a", 9), ("b", 1), ("é", 1)],
        *[("B", 2), ("a", 10)],
    ]


def test_by_a_field_of_a_joined_row(library: Database) -> None:
    repository(Author, library).add_all(Author(id=n, name="cab"[n]) for n in range(3))
    repository(Doc, library).add_all(Doc(id=n, title=str(n), author_id=n % 3) for n in range(1, 8))
    docs = repository(Doc, library).join(Doc.author).order_by(Author.name)
    assert [doc.id for doc in walked(docs, 2)] == [1, 4, 7, 2, 5, 3, 6]


def test_a_join_of_many_rows_gives_each_once(library: Database) -> None:
    repository(Doc, library).add_all(Doc(id=n, title=str(n), n=n % 2) for n in range(1, 6))
    repository(Tag, library).add_all(Tag(name=str(n), doc_id=n % 5 + 1) for n in range(15))
    docs = repository(Doc, library).join(Doc.tags).where(Tag.name != "2").order_by(Doc.n)
    assert [doc.id for doc in walked(docs, 2)] == [2, 4, 1, 3, 5]


def test_relationships_are_loaded(library: Database) -> None:
    repository(Doc, library).add_all(Doc(id=n, title=str(n)) for n in range(1, 6))
    repository(Tag, library).add_all(Tag(name=str(n), doc_id=n % 5 + 1) for n in range(15))
    for loader in (selectinload, joinedload):
        docs = repository(Doc, library).options(loader(Doc.tags)).order_by(col(Doc.title).desc())  # type: ignore[arg-type]
        found = [(doc.id, sorted(int(tag.name) for tag in doc.tags)) for doc in walked(docs, 2)]
        assert found == [
            *[(5, [4, 9, 14]), (4, [3, 8, 13])],
            *[(3, [2, 7, 12]), (2, [1, 6, 11])],
            (1, [0, 5, 10]),
        ]


def test_rows_that_come_and_go_move_no_other(shelf: Database) -> None:
    docs = repository(Doc, shelf)
    by_number = docs.order_by(Doc.n)
    first = by_number.page(size=4)
    assert [doc.id for doc in first] == [4, 8, 12, 1]
    docs.delete_where(col(Doc.id).in_([1, 4, 5]))
    docs.add_all([Doc(id=20, title="before", n=0), Doc(id=21, title="behind", n=1)])
    second = by_number.page(first.next, size=4)
    assert [doc.id for doc in second] == [9, 21, 2, 6]
    docs.delete_where(Doc.n == 2)
    third = by_number.page(second.next, size=4)
    assert ([doc.id for doc in third], third.next) == ([3, 7, 11], None)


def test_a_ranking_has_pages_with_hits(ranked: Database) -> None:
    docs = repository(Doc, ranked).similar_to([1, 2, 2])
    pages = [first := docs.page(size=2), docs.page(first.next, size=2)]
    pages.append(docs.page(pages[-1].next, size=2))
    titles = [[doc.title for doc in page] for page in pages]
    assert titles == [["same", "double"], ["axis", "across"], ["opposite"]]
    assert pages[-1].next is None
    assert first.hits is not None
    assert [hit.entity.title for hit in first.hits] == ["same", "double"]
    assert (first.hits.exact, first.hits.complete) == (True, True)


def test_pages_of_a_ranking_keep_to_thresholds_and_filters(ranked: Database) -> None:
    docs = repository(Doc, ranked).similar_to([1, 2, 2])
    assert [doc.title for doc in walked(docs.max_distance(1.01), 1)] == [
        *("same", "double"),
        *("axis", "across"),
    ]
    assert [doc.title for doc in walked(docs.where(Doc.title != "axis"), 3)] == [
        *("same", "double"),
        *("across", "opposite"),
    ]


def test_ties_of_a_ranking_come_once(library: Database) -> None:
    docs = repository(Doc, library)
    docs.add_all(Doc(id=n, title=str(n), embedding=[1, n % 2, 0]) for n in range(1, 12))  # type: ignore[arg-type]
    ranking = docs.similar_to([1, 0, 0])
    assert [doc.id for doc in walked(ranking, 3)] == [2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]


WRONG: dict[str, Callable[[SyncQuery[Doc], Page[Doc]], object]] = {
    "another filter": lambda docs, page: docs.where(Doc.n == 2).page(page.next),
    "another value": lambda docs, page: docs.where(Doc.n != 3).page(page.next),
    "another order": lambda docs, page: docs.order_by(Doc.n).page(page.next),
    "a ranking": lambda docs, page: docs.similar_to([1, 1, 1]).page(page.next),
}


def test_a_cursor_of_another_query_is_refused(shelf: Database) -> None:
    docs = repository(Doc, shelf).where(Doc.n != 2)
    page = docs.page(size=1)
    for ask in WRONG.values():
        with pytest.raises(InvalidCursor, match=r"of another query; begin with the first page"):
            ask(docs, page)


def test_a_cursor_of_another_vector_is_refused(ranked: Database) -> None:
    docs = repository(Doc, ranked)
    page = docs.similar_to([1, 2, 2]).page(size=1)
    assert docs.similar_to([1, 2, 2]).page(page.next, size=1)[0].title == "double"
    for other in (
        docs.similar_to([1, 2, 3]),
        docs.similar_to([1, 2, 2], metric="l2"),
        docs.similar_to([1, 2, 2]).max_distance(1),
        docs.similar_to([1, 2, 2]).where(Doc.n == 1),
    ):
        with pytest.raises(InvalidCursor, match="of another query"):
            other.page(page.next)


def test_loaders_and_size_do_not_make_another_query(shelf: Database) -> None:
    docs = repository(Doc, shelf)
    page = docs.page(size=3)
    loaded = docs.options(selectinload(Doc.tags))  # type: ignore[arg-type]
    assert [doc.id for doc in loaded.page(page.next, size=2)] == [4, 5]


def test_what_is_no_cursor_is_refused(shelf: Database) -> None:
    for cursor in ("", "x", "v1.", "v1.AAAA", "v2.AAAA", "\x00", "é" * 10_000):
        with pytest.raises(InvalidCursor):
            repository(Doc, shelf).page(cursor)


def test_a_changed_cursor_is_refused(shelf: Database) -> None:
    docs = repository(Doc, shelf)
    cursor = docs.page(size=3).next
    assert cursor is not None
    for place in range(3, len(cursor), 9):
        other = "A" if cursor[place] != "A" else "B"
        with pytest.raises(InvalidCursor, match="the cursor was changed"):
            docs.page(cursor[:place] + other + cursor[place + 1 :])


def test_a_page_has_its_own_limit_and_offset(shelf: Database) -> None:
    docs = repository(Doc, shelf)
    for query in (docs.limit(3), docs.offset(3)):
        with pytest.raises(InvalidQuery, match="a page has its own limit and offset"):
            query.page()
    for size in (0, -1, 2**31, True, 1.5, "3"):
        with pytest.raises(InvalidQuery, match="an integer of 1 or more rows"):
            docs.page(size=size)  # type: ignore[arg-type]
    with pytest.raises(NotBound, match=r"page\(\) has nowhere to run"):
        repository(Doc).page()


def test_required_fields_can_be_paged_by(db: Database) -> None:
    db.create_all(Required)
    rows: list[dict[str, Any]] = [
        {name: values[i % 2] for name, values in ASCENDING.items()} for i in range(6)
    ]
    repository(Required, db).add_all(Required(**row) for row in rows)
    everything = [getattr(Required, name) for name in ASCENDING]
    found = walked(repository(Required, db).order_by(*everything), 2)
    assert [row.id for row in found] == [1, 3, 5, 2, 4, 6]
