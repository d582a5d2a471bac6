"""SQLAlchemy's ORM, and SQLModel on it: a held session, tracked objects."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, registry

from tests.benchmarks.price.measuring import Step, Steps
from tests.benchmarks.price.peers.sqlalchemy_types import HABITS, Tables, given, own_engine
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.tables import SCALARS
from tests.benchmarks.price.works import (
    AT_ONCE,
    FIFTY,
    FIFTY_MODELS,
    GET,
    GET_ALONE,
    GROWN_READS,
    GROWN_SEARCHES,
    INSERT,
    ONE_BUILT,
    SEARCHES,
    Work,
)


@dataclass(frozen=True)
class Mapped:
    """The classes of the tables, in a session."""

    place: Place
    session: Session
    read: Any
    new: Any
    searched: Any = None

    def reading(self, run: Callable[[], object]) -> Step:
        """A read in a transaction that has begun, by a session that holds no object."""

        def after() -> None:
            self.session.rollback()
            self.session.expunge_all()

        return Step(run, self.session.connection, after)

    def writing(self, count: int, write: Callable[[list[Any]], object]) -> Step:
        """A write of objects that are there before, undone after."""
        made, rows = list[Any](), given(self.place, [*self.place.rows[:count]])

        def before() -> None:
            self.session.execute(delete(self.new).where(self.new.id == 0))
            made[:] = [self.new(**row) for row in rows]

        def after() -> None:
            self.session.rollback()
            self.session.expunge_all()
            made.clear()
            self.place.empty()

        return Step(lambda: write(made), before, after)


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """Plain classes on the tables, and a session for the whole run."""
    tables, mapping = Tables(place), registry()
    searched = tables.searched
    session = stack.enter_context(Session(own_engine(place, stack), expire_on_commit=False))
    stack.callback(mapping.dispose)
    mapped = Mapped(
        place,
        session,
        read=_mapped(mapping, "OrmRow", tables.read),
        new=_mapped(mapping, "OrmNew", tables.new),
        searched=None if searched is None else _mapped(mapping, "OrmSearched", searched),
    )
    return {"SQLAlchemy ORM": steps(mapped)}


def steps(mapped: Mapped) -> dict[str, Step]:
    """What is done alike with every class that SQLAlchemy maps."""
    return _reads(mapped) | _writes(mapped) | _searches(mapped)


def _mapped(mapping: registry, name: str, table: Any) -> type[Any]:
    kind = type(name, (), {})
    mapping.map_imperatively(kind, table)
    return kind


def _reads(mapped: Mapped) -> dict[str, Step]:
    place, session, read = mapped.place, mapped.session, mapped.read
    scalars = [getattr(read, name) for name in SCALARS]

    def get() -> None:
        for key in place.keys[: GET.repeats]:
            session.get(read, key)

    def one() -> None:
        for key in place.keys[: ONE_BUILT.repeats]:
            session.execute(select(*scalars).where(read.id == key)).first()

    def several(work: Work) -> Callable[[], None]:
        def run() -> None:
            for start in work.starts:
                made = select(read).where(read.id > start).order_by(read.id).limit(work.rows)
                session.execute(made).scalars().all()

        return run

    def fifty_models() -> None:
        for start in FIFTY_MODELS.starts:
            made = select(*scalars).where(read.id > start).order_by(read.id).limit(FIFTY.rows)
            session.execute(made).all()

    runs = {GET: get, ONE_BUILT: one, FIFTY_MODELS: fifty_models}
    runs |= {work: several(work) for work in (FIFTY, *GROWN_READS)}
    steps = {work.name: mapped.reading(run) for work, run in runs.items()}
    return steps | {GET_ALONE.name: _alone(mapped)}


def _alone(mapped: Mapped) -> Step:
    kind, engine = type(mapped.session), mapped.session.get_bind()

    def run() -> None:
        for key in mapped.place.keys[: GET_ALONE.repeats]:
            with kind(engine) as session:
                session.get(mapped.read, key)

    return Step(run)


def _writes(mapped: Mapped) -> dict[str, Step]:
    session = mapped.session

    def one_by_one(made: list[Any]) -> None:
        for entity in made:
            session.add(entity)
            session.flush()

    def at_once(made: list[Any]) -> None:
        session.add_all(made)
        session.flush()

    return {
        INSERT.name: mapped.writing(INSERT.repeats, one_by_one),
        **{work.name: mapped.writing(work.rows, at_once) for work in AT_ONCE},
    }


def _searches(mapped: Mapped) -> dict[str, Step]:
    place, session, model = mapped.place, mapped.session, mapped.searched
    habits = HABITS[place.engine]
    distance = habits.distance
    if model is None or distance is None:
        return {}
    asked = [habits.given(query) for query in place.queries]

    def of(work: Work) -> Step:
        def run() -> None:
            for query in asked[: work.repeats]:
                apart = distance(model.embedding, query)
                made = select(model, apart.label("distance")).order_by(apart).limit(work.rows)
                session.execute(made).all()

        return mapped.reading(run)

    return {work.name: of(work) for work in (*SEARCHES, *GROWN_SEARCHES)}
