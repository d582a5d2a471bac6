"""Which engines this run has, and the fixtures that give a test an empty database on each."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests import drivers, untraced
from tests.engines import ENGINES, NAMES, Engine, Fresh, Missing
from tests.engines.supervision import supervised

if TYPE_CHECKING:
    from agentorm import Database

# PyMySQL reads the machine's certificates for each connection, 20 ms long; no test needs one
os.environ["SSL_CERT_FILE"] = os.devnull

hypothesis.settings.register_profile("default", max_examples=50, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@dataclass(frozen=True)
class Roster:
    """The engines of this run: of each found its URL and description, of the others why not."""

    urls: dict[str, str] = field(default_factory=dict[str, str])
    about: dict[str, str] = field(default_factory=dict[str, str])
    missing: dict[str, str] = field(default_factory=dict[str, str])

    def header(self) -> list[str]:
        skipped = {name: f"SKIPPED, {reason}" for name, reason in self.missing.items()}
        return ["engines:", *(f"  {name}: {x}" for name, x in (self.about | skipped).items())]


ROSTER = pytest.StashKey[Roster]()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(drivers)
    config.pluginmanager.register(untraced)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if given := getattr(config, "workerinput", None):
        config.stash[ROSTER] = Roster(**given["roster"])
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    wanted = _wanted(os.environ.get("AGENTORM_ENGINES", ""))
    roster = config.stash[ROSTER] = _look_for(wanted or NAMES, stack)
    if wanted and (missing := [name for name in wanted if name in roster.missing]):
        reasons = "; ".join(f"{name}: {roster.missing[name]}" for name in missing)
        raise pytest.UsageError(f"AGENTORM_ENGINES asks for what is not there: {reasons}")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["roster"] = asdict(node.config.stash[ROSTER])


def pytest_report_header(config: pytest.Config) -> list[str]:
    return config.stash[ROSTER].header()


def _wanted(names: str) -> tuple[str, ...]:
    wanted = tuple(name.strip() for name in names.split(",") if name.strip())
    if unknown := [name for name in wanted if name not in {*NAMES, "all"}]:
        raise pytest.UsageError(f"AGENTORM_ENGINES: {unknown[0]!r} is not among {', '.join(NAMES)}")
    return NAMES if "all" in wanted else wanted


def _look_for(names: tuple[str, ...], stack: ExitStack) -> Roster:
    roster = Roster()
    wanted = [engine for engine in ENGINES if engine.name in names]
    first = {engine.variable: engine for engine in reversed(wanted)}
    servers = {variable: _server(engine, stack) for variable, engine in first.items()}
    for engine in ENGINES:
        if engine.name not in names:
            roster.missing[engine.name] = "left out by AGENTORM_ENGINES"
            continue
        try:
            url, origin = servers[engine.variable]()
            roster.about[engine.name] = f"{engine.inspect(url)}, {origin}"
            roster.urls[engine.name] = url
        except Missing as reason:
            roster.missing[engine.name] = str(reason)
    return roster


def _server(engine: Engine, stack: ExitStack) -> Callable[[], tuple[str, str]]:
    """Starts it; what it gives waits for it, and says its URL and where it comes from."""
    if engine.variable is None:
        return lambda: ("", "in this process")
    if url := os.environ.get(engine.variable):
        return lambda: (url, f"from {engine.variable}")
    url_of_its_own = stack.enter_context(supervised(engine))

    def started() -> tuple[str, str]:
        try:
            return url_of_its_own(), "started for this run"
        except Missing as reason:
            raise Missing(f"no {engine.variable}, and {reason}") from None

    return started


def pytest_collection_finish() -> None:
    """What the imports made lives on: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine_name" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("engines")
    names = marker.args if marker else tuple(e.name for e in ENGINES if not e.reduced)
    if unknown := set(names) - set(NAMES):
        raise pytest.UsageError(f"{metafunc.definition.nodeid} is for unknown engines: {unknown}")
    roster = metafunc.config.stash[ROSTER]
    skip = [
        pytest.param(name, marks=pytest.mark.skip(f"{name}: {roster.missing[name]}"))
        for name in names
        if name in roster.missing
    ]
    drivers.parametrize(metafunc, [n for n in names if n in roster.urls] or skip)


@pytest.fixture(scope="session")
def sandbox(pytestconfig: pytest.Config) -> Iterator[Callable[[str], Fresh]]:
    """The worker's own database on an engine, made when a test first asks for it."""
    rows = {engine.name: engine for engine in ENGINES}
    urls = pytestconfig.stash[ROSTER].urls
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with ExitStack() as stack:

        @cache
        def own(name: str) -> Fresh:
            return stack.enter_context(rows[name].sandbox(urls[name], worker))

        yield own


@pytest.fixture
def url(engine_name: str, sandbox: Callable[[str], Fresh], tmp_path: Path) -> str:
    """The URL of an empty database, on each engine in turn."""
    return sandbox(engine_name)(tmp_path)


@pytest.fixture
def driver() -> str:
    """Whether the statements of `db` are awaited: "sync" or "async"."""
    return "sync"


@pytest.fixture
def db(url: str, driver: str) -> Iterator[Database]:
    """An empty database, on each engine and with each kind of driver in turn."""
    from agentorm import Database
    from tests.awaiting import awaited_database

    with awaited_database(url) if driver == "async" else Database(url) as database:
        yield database
