"""The library itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from agentorm import param, repository
from tests.benchmarks.price.measuring import Step, Steps
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.tables import (
    Card,
    CardModel,
    CardTuple,
    PriceNew,
    PriceRow,
    card_struct,
)
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
    ONE_PREPARED,
    SEARCHES,
    Work,
)

OURS, OURS_STRUCT = "agentorm", "agentorm, msgspec"
OURS_TUPLE, OURS_MODEL = "agentorm, NamedTuple", "agentorm, pydantic"
OURS_PREPARED = "agentorm, prepared"


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """A session held for the whole run, in which every sample has a transaction of its own."""
    session = stack.enter_context(place.db.session())
    own = _reads(place, session) | _writes(place, session) | _searches(place, session)
    return {
        OURS: own | _into(place, session, Card),
        OURS_TUPLE: _into(place, session, CardTuple),
        OURS_MODEL: _into(place, session, CardModel),
        OURS_PREPARED: _prepared(session) | _prepared_searches(place, session),
    }


def structs(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """The library into structs, which take msgspec."""
    kind = card_struct()
    return {OURS_STRUCT: _into(place, stack.enter_context(place.db.session()), kind)}


def reading(session: Any, run: Callable[[], object]) -> Step:
    """A read in a transaction that has begun, by a session that holds no entity."""

    def after() -> None:
        session.rollback()
        session.expunge_all()

    return Step(run, session.connection, after)


def _reads(place: Place, session: Session) -> dict[str, Step]:
    rows = repository(PriceRow, session)

    def get() -> None:
        for key in place.keys[: GET.repeats]:
            rows.get(key)

    def several(work: Work) -> Callable[[], None]:
        def run() -> None:
            for start in work.starts:
                rows.where(PriceRow.id > start).order_by(PriceRow.id).limit(work.rows).all()

        return run

    runs = {GET: get, **{work: several(work) for work in (FIFTY, *GROWN_READS)}}
    steps = {work.name: reading(session, run) for work, run in runs.items()}
    return steps | {GET_ALONE.name: _alone(place)}


def _alone(place: Place) -> Step:
    def run() -> None:
        for key in place.keys[: GET_ALONE.repeats]:
            with place.db.session() as session:
                repository(PriceRow, session).get(key)

    return Step(run)


def _into(place: Place, session: Session, kind: type[Any]) -> dict[str, Step]:
    rows = repository(PriceRow, session)

    def built() -> None:
        for key in place.keys[: ONE_BUILT.repeats]:
            rows.where(_has(key)).into(kind).one()

    def several() -> None:
        for start in FIFTY_MODELS.starts:
            after = rows.where(PriceRow.id > start).order_by(PriceRow.id)
            after.limit(FIFTY_MODELS.rows).into(kind).all()

    same_key: Any = PriceRow.id == param("key")
    find = repository(PriceRow).where(same_key).into(kind).prepared()

    def prepared() -> None:
        for key in place.keys[: ONE_PREPARED.repeats]:
            find(session, key=key)

    runs = {ONE_PREPARED: prepared, ONE_BUILT: built, FIFTY_MODELS: several}
    return {work.name: reading(session, run) for work, run in runs.items()}


def _has(key: int) -> Any:
    return PriceRow.id == key


def _writes(place: Place, session: Session) -> dict[str, Step]:
    rows, made = repository(PriceNew, session), list[PriceNew]()

    def one_by_one() -> None:
        for entity in made:
            rows.add(entity)

    def at_once() -> None:
        rows.add_all(made)

    def after() -> None:
        session.rollback()
        session.expunge_all()
        made.clear()
        place.empty()

    def of(count: int, run: Callable[[], object]) -> Step:
        def before() -> None:
            session.execute(delete(PriceNew).where(_is_nobody()))
            made[:] = [PriceNew(**row) for row in place.rows[:count]]

        return Step(run, before, after)

    return {
        INSERT.name: of(INSERT.repeats, one_by_one),
        **{work.name: of(work.rows, at_once) for work in AT_ONCE},
    }


def _is_nobody() -> Any:
    return PriceNew.id == 0


def _searches(place: Place, session: Session) -> dict[str, Step]:
    if place.searched is None:
        return {}
    rows = repository(place.searched, session)

    def of(work: Work) -> Step:
        def run() -> None:
            for query in place.queries[: work.repeats]:
                rows.similar_to(query).limit(work.rows).hits()

        return reading(session, run)

    return {work.name: of(work) for work in (*SEARCHES, *GROWN_SEARCHES)}


def _prepared(session: Session) -> dict[str, Step]:
    """Fifty rows by queries that are made once."""
    after: Any = PriceRow.id > param("start")
    fifty = repository(PriceRow).where(after).order_by(PriceRow.id).limit(FIFTY.rows)
    rows, cards = fifty.prepared(), fifty.into(Card).prepared()

    def tracked() -> None:
        for start in FIFTY.starts:
            rows(session, start=start)

    def models() -> None:
        for start in FIFTY_MODELS.starts:
            cards(session, start=start)

    runs = {FIFTY: tracked, FIFTY_MODELS: models}
    return {work.name: reading(session, run) for work, run in runs.items()}


def _prepared_searches(place: Place, session: Session) -> dict[str, Step]:
    """The same searches, by queries that are made once."""
    if place.searched is None:
        return {}
    ranked = repository(place.searched).similar_to(param("vector"))

    def of(work: Work) -> Step:
        find = ranked.limit(work.rows).prepared()

        def run() -> None:
            for query in place.queries[: work.repeats]:
                find.hits(session, vector=query)

        return reading(session, run)

    return {work.name: of(work) for work in SEARCHES}
