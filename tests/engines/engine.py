"""What the suite must know of an engine, and how an engine says that it cannot take part."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeAlias

Fresh: TypeAlias = Callable[[Path], str]
"""Gives the URL of an empty database to the test whose folder this is; the one before is gone."""


def database_names(worker: str) -> Iterator[str]:
    """What a worker may call its database, in the order in which it tries them."""
    yield from (f"agentorm_test_{worker}{f'_{n}' * bool(n)}" for n in count())


class Missing(Exception):
    """This engine cannot take part; says why."""


@dataclass(frozen=True)
class Engine:
    """A row; a reduced one runs only the tests that name it.

    - `variable`: the environment variable that names a server to use;
    - `serve`: without that, runs a server in an empty folder, as long as the context is open;
    - `inspect`: the server's version, or `Missing` with the reason why it cannot serve these tests;
    - `sandbox`: a database for one worker, and in it an empty one for each test.
    """

    name: str
    variable: str | None
    serve: Callable[[Path], AbstractContextManager[str]] | None
    inspect: Callable[[str], str]
    sandbox: Callable[[str, str], AbstractContextManager[Fresh]]
    reduced: bool = False
