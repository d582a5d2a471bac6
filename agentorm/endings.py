"""Queries that can run: the endings, and where they run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, TypeAlias

from sqlalchemy.orm import Session
from typing_extensions import TypeVar

from agentorm import rank
from agentorm.counting import counted, first_of
from agentorm.database import Database
from agentorm.dialects.tasks import used
from agentorm.errors import InvalidQuery, MultipleResults, NoResult
from agentorm.explaining import explained
from agentorm.paging import check_page, page_of
from agentorm.places import running
from agentorm.plan import planned_rows
from agentorm.prepared import Preparing
from agentorm.rank import Run
from agentorm.results import Explanation, Hit, Hits, Page
from agentorm.statement import statement

E = TypeVar("E")
C = TypeVar("C")
Q = TypeVar("Q", bound="Endings[Any, Any]", default=Any)
SessionOf: TypeAlias = Callable[[Database], AbstractContextManager[Session]]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Endings(Preparing[E, Q]):
    """A `Query` with its endings.

    Every ending raises `NotBound` on a query that knows no session and no database,
    `DatabaseError` or one of its kinds where the engine refuses, and flushes the session's
    pending changes first.
    """

    def into(self, cls: type[C]) -> SyncQuery[C]:
        """Read the rows into this class, of some of their columns, instead of into entities.

        Its fields are taken by name: columns of the model, and ``distance``, ``score``,
        ``text_score`` and ``fused_score`` of the ranking unless the model has such a column.
        Other columns stay in the database. What is read belongs to no session, JSON is plain
        dicts and lists. The last call counts.

        Values are not checked again, they come from the database; but a pydantic model with
        types, constraints or validators that the model has not is validated row by row.

        Args:
            cls: a dataclass, a NamedTuple, a ``msgspec.Struct``, or a pydantic model, as an
                `Entity` without ``table=True`` is one. A field that is nothing of the above
                has its default.

        Raises:
            UnknownField: a field that is nothing of the above has no default.
            InvalidQuery: another kind of class, one without any column of the model, or there
                are `options` that load; at the ending: the query does not rank by what a field
                without a default is.
            InvalidValue: at the ending: a pydantic model refuses a row.

        Example:
            With ``Card`` of ``title`` and ``distance``, ``similar_to(vec).limit(5).into(Card)``
            is, on PostgreSQL, ``SELECT doc.title, (doc.embedding <=> :embedding_1) AS distance
            FROM doc ORDER BY distance, doc.id LIMIT :param_1``.
        """
        made: Any = self._into(cls)
        return made  # type: ignore[no-any-return]

    def all(self) -> list[E]:
        """All rows: best first in a ranking, else as sorted, then by primary key."""
        with self._running("all") as run:
            if self.is_ranked:
                return [*map(self._row_of(), self._found(run).rows)]
            planned = planned_rows(self, run.line)
            if planned is None:
                return list(self._rows(run))
            return planned if self.target is None else list(self._read(planned))

    def hits(self) -> Hits[E]:
        """The rows of a ranking with distance and scores, best first.

        Raises:
            InvalidQuery: the query does not rank.
        """
        if not self.is_ranked:
            raise InvalidQuery(
                "hits() needs a ranking", hint="begin with similar_to(vector) or matching(text)"
            )
        with self._running("hits") as run:
            return self._hits(run)

    def first(self) -> E | None:
        """The first row, or None."""
        self._bound("first")
        rows = self._at_most(1)
        return rows[0] if rows else None

    def one(self) -> E:
        """The only row.

        Raises:
            NoResult: there is none.
            MultipleResults: there are more.
        """
        found = self._only("one")
        if found is None:
            raise NoResult(f"no {self.model.__name__} passes the query")
        return found

    def one_or_none(self) -> E | None:
        """The only row, or None.

        Raises:
            MultipleResults: there are more.
        """
        return self._only("one_or_none")

    def count(self) -> int:
        """How many rows pass filters and thresholds; order, limit and offset are ignored."""
        with self._running("count") as run:
            if not self.is_ranked:
                return int(run.session.execute(counted(self)).scalar_one())
            ranker = rank.ranker_of(self, run.dialect)
            rank.announce(self, run, ranker)
            return ranker.count(self, run)

    def exists(self) -> bool:
        """Whether any row passes filters and thresholds; limit and offset are ignored."""
        if self.is_ranked:
            return self.count() > 0
        with self._running("exists") as run:
            return run.session.execute(first_of(self)).first() is not None

    def stream(self) -> Generator[E]:
        """The rows of `all` one by one, in the same order, a small chunk in memory at a time.

        A ranking is streamed exactly, without its index. Rows that nobody else holds are
        forgotten as the stream goes on. Closing the iterator early ends the query.

        MySQL and MariaDB run nothing else on the connection meanwhile: another statement on the
        same session is an `InvalidQuery` there, and with `options` all rows come over at once.
        """
        self._bound("stream")
        return self._streamed()

    def page(self, after: str | None = None, *, size: int = 50) -> Page[E]:
        """So many rows behind those of an earlier page, and the cursor of the next one.

        Without a ranking, pages go by what the rows are sorted by and the primary key: a row that
        comes or goes meanwhile moves no other out of its page. A ranking is paged exactly, without
        its index: nothing is repeated or left out while nothing changes.

        Args:
            after: `Page.next` of the page before; None for the first one.
            size: its most rows; pages of one query may differ in it.

        Raises:
            InvalidCursor: `after` is no cursor of this query, or was changed.
            InvalidQuery: a size below 1, or the query has a limit or an offset.

        Example:
            ``repository(Doc, session).order_by(Doc.year).page(after, size=20)`` is
            ``SELECT doc.id, ..., doc.year AS page_0, doc.id AS page_1 FROM doc WHERE doc.year
            >= :p AND (doc.year > :p OR doc.year = :p AND doc.id > :q) ORDER BY doc.year, doc.id
            LIMIT 21``.
        """
        check_page(self, size)
        with self._running("page") as run:

            def ranked(size: int, skip: int) -> Hits[E]:
                rank.announce_page(self, run)
                exact = replace(self.search, ranker="exact")
                asked: Q = self._with(size=size, skip=skip, search=exact)
                return asked._hits(run)  # noqa: SLF001

            return page_of(self, run, after, size, ranked)

    def explain(self) -> Explanation:
        """How the engine would answer: ranker, SQL, its own plan, and what to know of it."""
        with self._running("explain") as run:
            return explained(self, run)

    def _only(self, ending: str) -> E | None:
        self._bound(ending)
        rows = self._at_most(min(self.size or 2, 2))
        if len(rows) > 1:
            raise MultipleResults(f"more than one {self.model.__name__} passes the query")
        return rows[0] if rows else None

    def _at_most(self, size: int) -> list[E]:
        """Rows that are looked at again are few already, and no page goes beyond them."""
        return self.limit(size).all() if self.reach is None else self.all()[:size]

    def _streamed(self) -> Generator[E]:
        with self._placed("stream", Database.reading) as run:
            if not self.is_ranked:
                with rank.streamed(self, statement(self), run) as rows:
                    yield from rows.scalars() if self.target is None else self._read(rows)
                return
            rank.learn(self, run)
            ranker = rank.ranker_of(self, run.dialect)
            rank.announce(self, run, ranker)
            yield from map(self._row_of(), ranker.stream(self, run))

    def _found(self, run: Run) -> rank.Found[E]:
        return self._found_by(rank.ranker_of(self, run.dialect), run)

    def _found_by(self, ranker: rank.Ranker, run: Run) -> rank.Found[E]:
        rank.announce(self, run, ranker)
        rank.announce_unserved(self, run, ranker)
        return ranker.nearest(self, run)

    def _hits(self, run: Run) -> Hits[E]:
        ranker = rank.ranker_of(self, run.dialect)
        return rank.hits_of(self, self._found_by(ranker, run), ranker.name)

    def _rows(self, run: Run) -> Iterable[E]:
        rows = run.session.execute(statement(self))
        return rows.unique().scalars() if self.target is None else self._read(rows)

    def _read(self, rows: Iterable[Any]) -> Iterable[E]:
        assert self.target is not None
        return map(self.target.maker(), rows)

    def _row_of(self) -> Callable[[Hit[Any]], E]:
        """What becomes of a hit's row in the end: nothing, or what it is read into."""
        if self.target is None:
            return attrgetter("entity")
        return self.target.of_hit(self.gives)

    def _running(self, ending: str) -> AbstractContextManager[Run]:
        return self._opened(ending, Database.reading)

    @contextmanager
    def _opened(self, method: str, session_of: SessionOf) -> Generator[Run]:
        with self._placed(method, session_of) as run, used(run.connection):
            rank.learn(self, run)
            yield run

    @contextmanager
    def _placed(self, method: str, session_of: SessionOf) -> Generator[Run]:
        where = self._bound(method)
        if isinstance(where, Database):
            passing = where.open_session() is None
            with session_of(where) as session, running(session, self.model) as run:
                yield replace(run, passing=passing)
            return
        with running(where, self.model) as run:
            yield run


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SyncQuery(Endings[E, "SyncQuery[E]"]):
    """A query that runs in a session or a database; see `Query` and `Endings`."""

    def _with(self, **changes: Any) -> SyncQuery[E]:
        return replace(self, **changes)
