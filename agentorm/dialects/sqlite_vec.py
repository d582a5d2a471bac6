"""How a SQLite connection gets sqlite-vec's distance functions: four ways, best first.

- ``loadable``: the standard library's sqlite3 loads sqlite-vec as an extension;
- ``auto_extension``: it cannot, so SQLite itself adds sqlite-vec while a connection opens;
- ``driver``: the SQLite inside sqlean or pysqlite3 loads it as an extension;
- ``numpy``: functions of the same names run in Python.

The environment variable ``AGENTORM_SQLITE_VEC`` forces one by its name.

sqlite-vec calls back into the SQLite library that loaded it last, whichever connection it serves,
and crashes when that is another one. So only one library of a process is ever given it here.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from ctypes import CDLL, CFUNCTYPE, c_char_p, c_int, c_void_p
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import RLock, get_ident
from types import ModuleType
from typing import Any, TypeAlias

from agentorm.dialects import sqlite_numpy
from agentorm.errors import AgentORMWarning, InvalidValue, SlowPath, UnsupportedFeature, warn_caller

VARIABLE = "AGENTORM_SQLITE_VEC"
_WARNINGS = {"driver": AgentORMWarning, "numpy": SlowPath}
_DISTANCE = "SELECT vec_distance_l2(zeroblob(4), zeroblob(4))"
_VERSION = "SELECT vec_version()"
_LIBRARY = "SELECT sqlite_source_id()"
_DANGER = "sqlite3 must not write its files here: two SQLite libraries in one process corrupt them"
_Connect: TypeAlias = Callable[..., sqlite3.Connection]
_EntryPoint = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p)


@dataclass(frozen=True)
class Origin:
    """Where a connection has its distance functions from: the way, and a sentence about it."""

    name: str
    note: str


@dataclass(frozen=True)
class Way(Origin):
    """How to open connections that have them; `connect` takes what `sqlite3.connect` takes."""

    module: ModuleType
    connect: _Connect


class _Impossible(ImportError):
    """This way does not work here, and why."""


_IN_PYTHON = Origin("numpy", sqlite_numpy.NOTE)
_lock = RLock()
_choice: list[Way] = []
_holders: dict[str, Origin] = {}
_announced: set[str] = set()

if hasattr(os, "register_at_fork"):
    # A child must not inherit a lock that no thread of its own will release.
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )


def best_way() -> Way:
    """The best way that works in this process, found once by trying.

    Warns:
        SlowPath: it is `numpy`.
        AgentORMWarning: it is `driver`, so that two SQLite libraries share the process.

    Raises:
        UnsupportedFeature: ``AGENTORM_SQLITE_VEC`` asks for a way that does not work here.
        InvalidValue: ``AGENTORM_SQLITE_VEC`` names no way.
    """
    with _lock:
        if not _choice:
            _choice.append(_choose())
    _announce(_choice[0])
    return _choice[0]


def give(connection: Any) -> Origin:
    """Give the distance functions to a connection, whoever opened it.

    One that has them keeps them. One that can load extensions loads sqlite-vec, and cannot load
    any more afterwards. The rest get functions that run in Python.

    Warns:
        SlowPath: they run in Python.
    """
    with _lock:
        if _answer(connection, _DISTANCE) is None and not _loads(connection):
            sqlite_numpy.register(connection)
        origin = _origin_of(connection)
    _announce(origin)
    return origin


def _origin_of(connection: Any) -> Origin:
    version = _answer(connection, _VERSION)
    if version is None:
        return _IN_PYTHON
    loaded = Origin("loadable", f"sqlite-vec {version}, loaded into this connection")
    library = _answer(connection, _LIBRARY)
    return _holders.get(library, loaded) if _holders else _holders.setdefault(library, loaded)


def _announce(origin: Origin) -> None:
    with _lock:
        silent = origin.name not in _WARNINGS or origin.note in _announced
        _announced.add(origin.note)
    if not silent:
        warn_caller(_WARNINGS[origin.name](origin.note))


def _choose() -> Way:
    if forced := _forced():
        try:
            return _FINDERS[forced]()
        except ImportError as why:
            asked = f"the way {forced!r} to sqlite-vec that {VARIABLE} asks for"
            raise UnsupportedFeature(asked, dialect="sqlite", hint=str(why)) from why
    for find in _FINDERS.values():
        with suppress(ImportError):
            return find()
    raise AssertionError("numpy is always possible")


def _forced() -> str:
    given = os.environ.get(VARIABLE, "")
    if given and given not in _FINDERS:
        raise InvalidValue(f"{VARIABLE} is {given!r}", hint=f"choose from {', '.join(_FINDERS)}")
    return given


def _loadable() -> Way:
    return _proven("loadable", "loaded into SQLite {}", sqlite3, _opener(sqlite3, _load))


def _auto_extension() -> Way:
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    path = import_module("sqlite_vec").loadable_path() + suffix
    why = "the library behind this Python's sqlite3 was not found"
    for library in _stdlib_libraries():
        try:
            opener = _extending_opener(library, _EntryPoint(("sqlite3_vec_init", CDLL(path))))
            return _proven("auto_extension", "added by SQLite {} on opening", sqlite3, opener)
        except (AttributeError, OSError, _Impossible) as error:
            why = str(error)
    raise _Impossible(why)


def _driver() -> Way:
    reasons: list[str] = []
    for name in ("sqlean.dbapi2", "pysqlite3.dbapi2"):
        try:
            module = import_module(name)
            note = f"loaded into SQLite {{}} of {name}; {_DANGER}"
            return _proven("driver", note, module, _opener(module, _load))
        except ImportError as error:
            reasons.append(str(error))
    raise _Impossible("; ".join(reasons))


def _numpy() -> Way:
    return Way("numpy", sqlite_numpy.NOTE, sqlite3, _opener(sqlite3, sqlite_numpy.register))


_FINDERS: dict[str, Callable[[], Way]] = {
    "loadable": _loadable,
    "auto_extension": _auto_extension,
    "driver": _driver,
    "numpy": _numpy,
}


def _proven(name: str, note: str, module: ModuleType, opener: _Connect) -> Way:
    """Tried in memory: the connection has sqlite-vec, and a plain one after it is as before."""
    library = _answer_of_new(module.connect, _LIBRARY)
    if _holders and library not in _holders:
        raise _Impossible("another SQLite library of this process has sqlite-vec already")
    before = _answer_of_new(module.connect, _VERSION)
    version = _answer_of_new(opener, _VERSION)
    if version is None:
        raise _Impossible(f"connections of {module.__name__} did not get sqlite-vec")
    if _answer_of_new(module.connect, _VERSION) != before:
        raise _Impossible(f"other users of {module.__name__} would get sqlite-vec too")
    note = f"sqlite-vec {version}, {note.format(module.sqlite_version)}"
    way = _holders[library] = Way(name, note, module, opener)
    return way


def _answer_of_new(connect: _Connect, sql: str) -> Any:
    with closing(connect(":memory:")) as connection:
        return _answer(connection, sql)


def _answer(connection: Any, sql: str) -> Any:
    """The one value the statement gives; None where there is no such function."""
    with closing(connection.cursor()) as cursor:
        try:
            cursor.execute(sql)
        except getattr(connection, "OperationalError", sqlite3.OperationalError) as error:
            if "no such function" in str(error):
                return None
            raise
        return cursor.fetchone()[0]


def _opener(module: ModuleType, equip: Callable[[Any], None]) -> _Connect:
    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = module.connect(*args, **kwargs)
        try:
            equip(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    return connect


def _extending_opener(library: CDLL, init: Callable[..., int]) -> _Connect:
    """Opens with sqlite-vec as an automatic extension that ignores all other threads' opening."""
    opening: int | None = None

    def enter(connection: int, message: int, functions: int) -> int:
        return init(connection, message, functions) if get_ident() == opening else 0

    entry_point = _EntryPoint(enter)

    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        nonlocal opening
        with _lock:
            outer, opening = opening, get_ident()
            try:
                library.sqlite3_auto_extension(entry_point)
                connection: sqlite3.Connection = sqlite3.connect(*args, **kwargs)
            finally:
                opening = outer
                if outer is None:
                    library.sqlite3_cancel_auto_extension(entry_point)
            return connection

    return connect


def _loads(connection: Any) -> bool:
    with suppress(ImportError):
        if _forced() != "numpy" and (not _holders or _answer(connection, _LIBRARY) in _holders):
            _load(connection)
            return True
    return False


def _load(connection: Any) -> None:
    if not hasattr(connection, "enable_load_extension"):
        raise _Impossible("this Python's sqlite3 cannot load extensions")
    package = import_module("sqlite_vec")
    connection.enable_load_extension(True)  # noqa: FBT003
    try:
        package.load(connection)
    except connection.Error as error:
        raise _Impossible(f"SQLite did not load sqlite-vec: {error}") from error
    finally:
        connection.enable_load_extension(False)  # noqa: FBT003


def _stdlib_libraries() -> Iterator[CDLL]:
    """The libraries of the very source that sqlite3 runs on; what it links to comes first."""
    source = _answer_of_new(sqlite3.connect, _LIBRARY)
    for path in _candidates():
        with suppress(AttributeError, OSError):
            library = CDLL(path)
            library.sqlite3_sourceid.restype = c_char_p
            if library.sqlite3_sourceid().decode() == source:
                yield library


def _candidates() -> list[str | None]:
    if sys.platform == "win32":
        return ["sqlite3.dll"]
    module = getattr(sys.modules.get("_sqlite3"), "__file__", None)
    maps = Path("/proc/self/maps")
    lines = maps.read_text(errors="surrogateescape").splitlines() if maps.exists() else []
    mapped = dict.fromkeys(line.split(maxsplit=5)[-1] for line in lines)
    return [module, *(path for path in mapped if "sqlite" in Path(path).name), None]
