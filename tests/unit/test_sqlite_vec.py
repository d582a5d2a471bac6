import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from struct import pack
from textwrap import dedent

import numpy as np
import pytest

from agentorm.dialects import sqlite_numpy, sqlite_vec

LOADABLE = hasattr(sqlite3.Connection, "enable_load_extension")
DRIVER = next((f"{name}.dbapi2" for name in ("sqlean", "pysqlite3") if find_spec(name)), None)


def blob(*components: float) -> bytes:
    return pack(f"<{len(components)}f", *components)


def run(script: str, way: str = "") -> str:
    """What the script prints in a process of its own, where that way is forced."""
    ran = subprocess.run(
        [sys.executable, "-c", PRELUDE + dedent(script)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {sqlite_vec.VARIABLE: way},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


PRELUDE = dedent("""
    import os, sqlite3, sys, threading, warnings
    from struct import pack
    from agentorm.dialects import sqlite_vec
    from agentorm.errors import AgentORMError

    warned = []
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, category, *rest: warned.append(category.__name__)

    def has_sqlite_vec(connection):
        try:
            return connection.execute("SELECT vec_version()").fetchone()[0].startswith("v")
        except Exception as error:
            return str(error)
""")


def missing(way: str) -> str:
    if way == "loadable" and not LOADABLE:
        return "this Python's sqlite3 cannot load extensions"
    if way == "auto_extension" and not sys.platform.startswith("linux"):
        return "only promised on Linux"
    if way == "driver" and not DRIVER:
        return "neither sqlean nor pysqlite3 is installed"
    return ""


VERSION = f"sqlite-vec v{version('sqlite-vec')}"
NOTES = {
    "loadable": f"{VERSION}, loaded into SQLite 3.x",
    "auto_extension": f"{VERSION}, added by SQLite 3.x on opening",
    "driver": (
        f"{VERSION}, loaded into SQLite 3.x of {DRIVER}; sqlite3 must not write its files here:"
        " two SQLite libraries in one process corrupt them"
    ),
    "numpy": "SQLite's distance functions run in Python (numpy), slower than sqlite-vec",
}
WARNED = {"driver": ["AgentORMWarning"], "numpy": ["SlowPath"]}


@pytest.mark.parametrize("way", ["loadable", "auto_extension", "driver", "numpy"])
def test_each_way_gives_the_same_distances(way: str) -> None:
    if why := missing(way):
        pytest.skip(why)
    printed = run(
        """
        way = sqlite_vec.best_way()
        connection = way.connect(":memory:")
        assert isinstance(connection, way.module.Connection)
        a, b, zero = pack("<2f", 3, 0), pack("<2f", 0, 4), bytes(8)

        def one(metric, *vectors):
            sql = f"SELECT vec_distance_{metric}(?, ?)"
            return connection.execute(sql, vectors).fetchone()[0]

        print(way.name, sqlite_vec.best_way() is way)
        print(one("cosine", a, b), one("l2", a, b), one("l1", a, b))
        print(one("cosine", a, zero), one("l2", a, zero), one("cosine", zero, zero))
        for bad in ((None, a), (a, None), (b"", b""), (b"abc", b"abc"), (bytes(4), a), (7, a)):
            try:
                print(one("l2", *bad))
            except way.module.OperationalError:
                print("refused", end=" ")
        print()
        print(sqlite_vec.give(connection).name, has_sqlite_vec(sqlite3.connect(":memory:")))
        print(way.note.replace(way.module.sqlite_version, "3.x"))
        print(warned)
        """,
        way,
    )
    assert printed.splitlines() == [
        f"{way} True",
        "1.0 5.0 7.0",
        "None 3.0 None",
        "refused refused refused refused refused refused ",
        f"{way} no such function: vec_version",
        NOTES[way],
        str(WARNED.get(way, [])),
    ]


def test_a_forced_way_that_does_not_work_is_an_error() -> None:
    printed = run(
        """
        sys.modules |= {"sqlean.dbapi2": None, "pysqlite3.dbapi2": None}
        for _ in range(2):
            try:
                sqlite_vec.best_way()
            except AgentORMError as error:
                print(type(error).__name__, str(error).partition(";")[0])
        """,
        "driver",
    )
    message = "the way 'driver' to sqlite-vec that AGENTORM_SQLITE_VEC asks for"
    assert printed == f"UnsupportedFeature sqlite does not support {message}\n" * 2


def test_a_way_of_an_unknown_name_is_an_error() -> None:
    printed = run(
        """
        for ask in (sqlite_vec.best_way, lambda: sqlite_vec.give(sqlite3.connect(":memory:"))):
            try:
                ask()
            except AgentORMError as error:
                print(type(error).__name__, error)
        """,
        "fastest",
    )
    message = (
        "AGENTORM_SQLITE_VEC is 'fastest'; choose from loadable, auto_extension, driver, numpy"
    )
    assert printed == f"InvalidValue {message}\n" * 2


def test_without_the_package_the_functions_run_in_python_and_say_so_once() -> None:
    printed = run(
        """
        sys.modules["sqlite_vec"] = None
        ways, ready = [], threading.Barrier(8)

        def ask():
            ready.wait()
            ways.append(sqlite_vec.best_way())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print({way.name for way in ways}, len({id(way) for way in ways}))
        sqlite_vec.give(sqlite3.connect(":memory:"))
        print(warned)
        """
    )
    assert printed.splitlines() == ["{'numpy'} 1", "['SlowPath']"]


GIVE = """
    foreign = sqlite3.connect(":memory:")
    foreign.execute("CREATE TABLE t (x)")
    foreign.execute("INSERT INTO t VALUES (1)")
    for _ in range(2):
        print(sqlite_vec.give(foreign).name, foreign.in_transaction)
    print(foreign.execute("SELECT vec_distance_l1(zeroblob(4), ?)", (pack("<f", 2),)).fetchone())
    if hasattr(foreign, "enable_load_extension"):
        try:
            foreign.load_extension("vec0")
        except sqlite3.OperationalError as error:
            print(error)
    print(warned)
"""


def test_a_foreign_connection_that_cannot_load_gets_the_functions_in_python() -> None:
    lines = run(GIVE, "numpy").splitlines()
    assert lines[:3] == ["numpy True", "numpy True", "(2.0,)"]
    assert lines[-1] == "['SlowPath']"


def test_a_foreign_connection_that_can_load_loads_and_cannot_load_more() -> None:
    if why := missing("loadable"):
        pytest.skip(why)
    expected = ["loadable True", "loadable True", "(2.0,)", "not authorized", "[]"]
    assert run(GIVE).splitlines() == expected


def test_a_connection_that_has_sqlite_vec_keeps_it() -> None:
    if missing("loadable") and missing("auto_extension"):
        pytest.skip("this Python's sqlite3 cannot have sqlite-vec")
    printed = run(
        """
        way = sqlite_vec.best_way()
        connection = way.connect(":memory:")
        print(sqlite_vec.give(connection) is way, has_sqlite_vec(connection), warned)
        """
    )
    assert printed == "True True []\n"


def test_only_one_sqlite_library_of_a_process_gets_sqlite_vec() -> None:
    if why := missing("driver") or missing("auto_extension"):
        pytest.skip(why)
    printed = run(
        f"""
        from {DRIVER} import connect
        theirs = connect(":memory:")
        ours = sqlite_vec.best_way().connect(":memory:")
        print(sqlite_vec.give(theirs).name, has_sqlite_vec(theirs), warned)
        print(has_sqlite_vec(ours))
        """,
        "auto_extension",
    )
    assert printed.splitlines() == ["numpy no such function: vec_version ['SlowPath']", "True"]


def test_a_child_born_while_a_connection_opens_opens_its_own() -> None:
    if why := missing("auto_extension"):
        pytest.skip(why)
    printed = run(
        """
        import time
        way, seen = sqlite_vec.best_way(), []
        inside, born = threading.Event(), threading.Event()

        class Slow(sqlite3.Connection):
            def __init__(self, *arguments, **options):
                inside.set()
                time.sleep(0.2)
                super().__init__(*arguments, **options)

        def connect():
            connection = way.connect(":memory:", factory=Slow)
            born.wait()
            seen.append(has_sqlite_vec(connection))

        thread = threading.Thread(target=connect)
        thread.start()
        inside.wait()
        child = os.fork()
        if child == 0:
            print(has_sqlite_vec(way.connect(":memory:")), flush=True)
            print(has_sqlite_vec(sqlite3.connect(":memory:")), flush=True)
            os._exit(0)
        born.set()
        os.waitpid(child, 0)
        thread.join()
        print(seen)
        """,
        "auto_extension",
    )
    assert printed.splitlines() == ["True", "no such function: vec_version", "[True]"]


@pytest.fixture
def opened() -> Iterator[sqlite3.Connection]:
    with closing(sqlite_vec.best_way().connect(":memory:")) as connection:
        yield connection


@pytest.fixture
def in_python() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        sqlite_numpy.register(connection)
        yield connection


def has_functions(connection: sqlite3.Connection) -> bool:
    with closing(connection):
        try:
            connection.execute("SELECT vec_distance_l2(zeroblob(4), zeroblob(4))")
        except sqlite3.OperationalError as error:
            assert str(error) == "no such function: vec_distance_l2"  # noqa: PT017
            return False
        return True


def test_other_users_of_sqlite3_stay_untouched_whatever_the_threads_do() -> None:
    ours: list[bool] = []
    theirs: list[bool] = []
    ready = threading.Barrier(8)

    def open_many(connect: Callable[[str], sqlite3.Connection], seen: list[bool]) -> None:
        ready.wait()
        seen += [has_functions(connect(":memory:")) for _ in range(200)]

    ways = [(sqlite_vec.best_way().connect, ours), (sqlite3.connect, theirs)] * 4
    threads = [threading.Thread(target=open_many, args=way) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ours == [True] * 800
    assert theirs == [False] * 800


def test_a_connection_that_fails_to_open_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError, match="unable to open database file"):
        sqlite_vec.best_way().connect(tmp_path / "missing" / "file.db")
    assert not has_functions(sqlite3.connect(":memory:"))


def test_connect_takes_what_sqlite3_takes(tmp_path: Path) -> None:
    uri = (tmp_path / "file.db").as_uri() + "?mode=rwc"
    way = sqlite_vec.best_way()
    with closing(way.connect(uri, timeout=3.0, uri=True, isolation_level=None)) as connection:
        assert connection.isolation_level is None
        assert connection.execute("PRAGMA busy_timeout").fetchone() == (3000,)


def test_a_connection_opened_while_another_opens_has_the_functions_too() -> None:
    way = sqlite_vec.best_way()
    inner: list[bool] = []

    class Nesting(sqlite3.Connection):
        def __init__(self, *arguments: object, **options: object) -> None:
            inner.append(has_functions(way.connect(":memory:")))
            super().__init__(":memory:")

    assert has_functions(way.connect(":memory:", factory=Nesting))
    assert inner == [True]
    assert not has_functions(sqlite3.connect(":memory:"))


@pytest.mark.parametrize("metric", ["cosine", "l2", "l1"])
def test_python_agrees_with_sqlite_vec(
    metric: str, opened: sqlite3.Connection, in_python: sqlite3.Connection
) -> None:
    random = np.random.default_rng(7)
    sql = f"SELECT vec_distance_{metric}(?, ?)"
    for dimension in (1, 3, 384):
        query = random.normal(size=dimension).astype("<f4").tobytes()
        for row in random.normal(size=(50, dimension)).astype("<f4"):
            pair = row.tobytes(), query
            (expected,) = opened.execute(sql, pair).fetchone()
            (got,) = in_python.execute(sql, pair).fetchone()
            assert abs(got - expected) <= 1e-6 * max(1.0, expected)


@pytest.mark.parametrize("scale", [2.0**-100, 1.0, 2.0**100])
def test_python_is_right_for_small_and_large_components(
    scale: float, in_python: sqlite3.Connection
) -> None:
    vectors = {"a": blob(3 * scale, 0), "b": blob(3 * scale, 4 * scale)}
    sql = "SELECT vec_distance_cosine(:a, :b), vec_distance_l2(:a, :b), vec_distance_l1(:a, :b)"
    cosine, l2, l1 = in_python.execute(sql, vectors).fetchone()
    assert abs(cosine - 0.4) < 1e-15
    assert (l2, l1) == (4 * scale, 4 * scale)


def test_python_never_leaves_the_range_of_cosine(in_python: sqlite3.Connection) -> None:
    vectors = {"a": blob(1, 5), "b": blob(-1, -5)}
    sql = "SELECT vec_distance_cosine(:a, :a), vec_distance_cosine(:a, :b)"
    assert in_python.execute(sql, vectors).fetchone() == (0.0, 2.0)


def test_python_follows_a_change_of_the_query(in_python: sqlite3.Connection) -> None:
    in_python.execute("CREATE TABLE t (v BLOB)")
    in_python.executemany("INSERT INTO t VALUES (?)", [(blob(1),), (blob(2),), (blob(4),)])
    sql = "SELECT vec_distance_l2(a.v, b.v) FROM t a, t b ORDER BY a.rowid, b.rowid"
    distances = [distance for (distance,) in in_python.execute(sql)]
    assert distances == [0.0, 1.0, 3.0, 1.0, 0.0, 2.0, 3.0, 2.0, 0.0]


def test_python_marks_its_functions_deterministic(in_python: sqlite3.Connection) -> None:
    in_python.execute("CREATE TABLE t (v BLOB, norm AS (vec_distance_l2(v, zeroblob(4))))")
    in_python.execute("INSERT INTO t VALUES (?)", [blob(3)])
    assert in_python.execute("SELECT norm FROM t").fetchall() == [(3.0,)]
