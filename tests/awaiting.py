"""A database whose statements are awaited, for tests that know of no ``await``.

Its `db` goes through an `AsyncDatabase`, and every ending and write, which a test calls as ever,
through `AsyncQuery` and `AsyncRepository`.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias, cast

import pytest
from sqlalchemy import URL, make_url
from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_session
from sqlalchemy.util.concurrency import await_, in_greenlet
from sqlmodel import Session

from agentorm import AsyncDatabase, Capabilities, Database, Repository
from agentorm.dialects import Dialect
from agentorm.endings import Endings
from agentorm.models import mapper_of

Place: TypeAlias = "AsyncDatabase | AsyncSession"
_awaiting: ContextVar[bool] = ContextVar("awaiting", default=False)


class AwaitedDatabase(Database):
    """A `Database` in whose place an `AsyncDatabase` does everything, within the bridge.

    Attributes:
        awaited: the other.
        counted: how often each ending and write was awaited, there or in a session.
    """

    def __init__(self, where: str | URL, *, engine_options: Any = None) -> None:
        place = make_url(where)
        plain = place.set(drivername=place.get_backend_name())
        self.awaited = AsyncDatabase(plain, engine_options=engine_options)
        super().__init__(self.awaited.engine.sync_engine)
        self.url = place
        self.counted: Counter[str] = Counter()

    def session(self) -> Session:
        return _kept(self.awaited.session())

    @contextmanager
    def transaction(self) -> Generator[Session]:
        opened = self.awaited.transaction()
        session = _kept(await_(opened.__aenter__()))
        try:
            yield session
        except BaseException as error:
            if not await_(opened.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            await_(opened.__aexit__(None, None, None))

    def create_all(self, *models: type[Any]) -> None:
        await_(self.awaited.create_all(*models))

    def drop_all(self, *models: type[Any]) -> None:
        await_(self.awaited.drop_all(*models))

    def capabilities(self) -> Capabilities:
        return await_(self.awaited.capabilities())

    def dialect(self) -> Dialect:
        return await_(self.awaited.dialect())

    def ping(self) -> float:
        return await_(self.awaited.ping())

    def dispose(self) -> None:
        await_(self.awaited.dispose())


def _kept(awaited: AsyncSession) -> Session:
    """The sync session of an async one, which lives as long."""
    session = awaited.sync_session
    assert isinstance(session, Session)
    session.info["awaited"] = awaited
    return session


@contextmanager
def awaited_database(url: str) -> Generator[AwaitedDatabase]:
    """Within, endings and writes in places that await are awaited."""
    with AwaitedDatabase(url) as db, pytest.MonkeyPatch.context() as patch:
        for kind in (Endings, Repository):
            for name in own_endings(kind):
                patch.setattr(kind, name, _awaited(name, getattr(kind, name), db.counted))
        yield db


def own_endings(kind: type[Any]) -> list[str]:
    """The endings or writes that a class defines."""
    methods = {name for name, value in vars(kind).items() if inspect.isfunction(value)}
    return sorted(name for name in methods - {"on", "into"} if not name.startswith("_"))


def _awaited(name: str, plain: Callable[..., Any], counted: Counter[str]) -> Callable[..., Any]:
    def ending(query: Any, *args: Any, **kwargs: Any) -> Any:
        place = None if _awaiting.get() else _place(query)
        if place is None:
            return plain(query, *args, **kwargs)
        counted[name] += 1
        made = getattr(query.on(place), name)(*args, **kwargs)
        return _drawn(made) if inspect.isasyncgen(made) else _await(made)

    return ending


def _await(awaitable: Any) -> Any:
    """What comes of it; the endings that it calls on its way are the plain ones."""
    token = _awaiting.set(True)
    try:
        return await_(awaitable)
    finally:
        _awaiting.reset(token)


def _drawn(rows: Any) -> Generator[Any]:
    try:
        while (row := _await(anext(rows, None))) is not None:
            yield row
    finally:
        if in_greenlet():  # else the garbage is collected by the event loop, which closes it too
            _await(rows.aclose())


def _place(query: Any) -> Place | None:
    """The async place that a query's sync one belongs to, if it awaits."""
    place = query.where_to_run
    if isinstance(place, AwaitedDatabase):
        return place.awaited
    if isinstance(place, Database) and place.engine.dialect.is_async:
        made = AsyncDatabase(AsyncEngine(place.engine))
        made.sync_database = place
        return made
    if place is None or isinstance(place, Database):
        return None
    return async_session(place) or _around(place, query.model)


def _around(session: Any, model: type[Any]) -> AsyncSession | None:
    try:
        engine = session.get_bind(mapper_of(model)).engine
    except UnboundExecutionError:
        return None
    if not engine.dialect.is_async:
        return None

    def given(**_: object) -> Any:
        return session

    made = AsyncSession(AsyncEngine(engine), sync_session_class=cast(Any, given))
    session.info["awaited"] = made
    return made
