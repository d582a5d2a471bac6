"""URLs, and the engines that are made of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from agentorm import dialects
from agentorm.dialects import Dialect
from agentorm.errors import InvalidURL, MissingDependency

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

_VARIABLES = ("AGENTORM_URL", "DATABASE_URL")


def url_from_env(default: str | None) -> str:
    """What ``AGENTORM_URL``, else ``DATABASE_URL``, else the default says.

    Raises:
        InvalidURL: none of them is given.
    """
    given = (os.environ.get(variable) for variable in _VARIABLES)
    if url := next(filter(None, given), default):
        return url
    raise InvalidURL("no database named", hint=f"set {' or '.join(_VARIABLES)}")


def url_of(where: str | URL, driver_of: Callable[[Dialect], str] = lambda d: d.driver) -> URL:
    """The URL with the engine's name as SQLAlchemy knows it, and a driver.

    Raises:
        InvalidURL: it cannot be read, or names an engine that has no dialect here.
    """
    if not isinstance(cast(object, where), str | URL):
        raise InvalidURL(f"expected a URL or an Engine, got {type(where).__name__}")
    try:
        url = make_url(where)
    except (ArgumentError, ValueError) as error:
        example = "sqlite:///docs.db or postgresql://user@host/name"
        raise InvalidURL("the database URL cannot be read", hint=f"as {example}") from error
    if "@" in (url.host or ""):
        raise InvalidURL("the database URL has two @", hint="write one in a password as %40")
    scheme, _, driver = url.drivername.partition("+")
    by_scheme = {
        s: dialects.declared(name)
        for name in dialects.names()
        for s in dialects.declared(name).url_names
    }
    if scheme not in by_scheme:
        raise InvalidURL(f"no engine {scheme!r}", hint=f"known are {', '.join(by_scheme)}")
    known = by_scheme[scheme]
    return url.set(drivername=f"{known.name}+{driver or driver_of(known)}")


def made_engine(url: URL, options: dict[str, Any]) -> Engine:
    """An engine as this URL's dialect wants it.

    Raises:
        InvalidURL: the driver is unknown or awaits, or an option cannot be used.
        MissingDependency: the driver is not installed.
    """
    known = dialects.declared(url.get_backend_name())
    with _refusing(url, known.driver, known.extra):
        if url.get_dialect().is_async:
            hint = "use AsyncDatabase, or leave +driver out"
            raise InvalidURL(f"{url.drivername} is an asynchronous driver", hint=hint)
        url, defaults = known.engine_arguments(url)
        return create_engine(url, **{**defaults, **options})


def made_async_engine(url: URL, options: dict[str, Any]) -> AsyncEngine:
    """The same for a driver that awaits.

    Raises:
        InvalidURL: the driver is unknown or does not await, or an option cannot be used.
        MissingDependency: the driver, or greenlet, is not installed.
    """
    known = dialects.declared(url.get_backend_name())
    with _refusing(url, known.async_driver, known.async_extra):
        if not _async_dialect(url).is_async:
            hint = "use Database, or leave +driver out"
            raise InvalidURL(f"{url.drivername} is a synchronous driver", hint=hint)
        import_module("greenlet")
        from sqlalchemy.ext.asyncio import create_async_engine

        url, defaults = known.async_engine_arguments(url)
        return create_async_engine(url, **{**defaults, **options})


def _async_dialect(url: URL) -> Any:
    return url.get_dialect().get_async_dialect_cls(url)


@contextmanager
def _refusing(url: URL, driver: str, extra: str | None) -> Generator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        package = error.name or driver
        needed = extra if package == "greenlet" or url.get_driver_name() == driver else package
        raise MissingDependency(package, extra=needed or package) from error
    except NoSuchModuleError as error:
        raise InvalidURL(f"no driver {url.drivername!r}") from error
    except (ArgumentError, TypeError, ValueError) as error:
        if isinstance(error, InvalidURL):
            raise
        problem = " ".join(_without_password(str(error), url).split())
        raise InvalidURL(f"the URL or an engine option cannot be used: {problem}") from error


def _without_password(message: str, url: URL) -> str:
    return message.replace(str(url.password), "***") if url.password else message
