"""SQLAlchemy's bridge from async to sync, entered by a task that may be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.util.concurrency import greenlet_spawn

P = ParamSpec("P")
T = TypeVar("T")
_ending: set[asyncio.Task[Any]] = set()


@asynccontextmanager
async def entered(block: AbstractContextManager[T]) -> AsyncGenerator[T]:
    """The block of a ``with``, entered and left in the bridge; it is left to its end."""
    given = await greenlet_spawn(block.__enter__)
    try:
        yield given
    except BaseException as error:
        if not await to_the_end(block.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await to_the_end(block.__exit__, None, None, None)


async def to_the_end(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call it in the bridge; if the task is cancelled meanwhile, it still comes to its end."""
    task = asyncio.create_task(greenlet_spawn(partial(function, *args, **kwargs)))
    _ending.add(task)
    task.add_done_callback(_ending.discard)
    return await asyncio.shield(task)


async def all_ended() -> None:
    """What cancelled tasks of this event loop are still undoing comes to its end."""
    loop = asyncio.get_running_loop()
    if ending := [task for task in _ending if task.get_loop() is loop]:
        await asyncio.wait(ending)
