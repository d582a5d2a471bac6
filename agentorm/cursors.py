"""Cursors of pages: where the last one ended, in text that only its maker can write."""

from __future__ import annotations

import json
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import pbkdf2_hmac, sha256
from hmac import compare_digest, digest
from typing import Any
from uuid import UUID

from sqlalchemy import URL

from agentorm.errors import InvalidCursor, InvalidQuery

KEY_VARIABLE = "AGENTORM_CURSOR_KEY"
_BYTES = (bytes, bytearray, memoryview)
_VERSION, _SIGNATURE_BYTES, _ROUNDS = 1, 32, 200_000
_SHAPE = re.compile(r"v([1-9][0-9]{0,8})\.([A-Za-z0-9_-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ends.

    Attributes:
        query: what tells the query from all others.
        values: what its last row is sorted by, then the primary key, as the driver gave them.
        offset: or how many rows of a ranking came before.
    """

    query: str
    values: tuple[Any, ...] | None = None
    offset: int = 0


def sealed(position: Position, key: bytes) -> str:
    """The cursor of a position.

    Raises:
        InvalidQuery: the rows are sorted by something that no cursor holds.
    """
    values = None if position.values is None else [*map(_written, position.values)]
    body = json.dumps([position.query, values, position.offset], separators=(",", ":")).encode()
    return f"v{_VERSION}.{_in_letters(_signature(body, key) + body)}"


def opened(cursor: object, query: str, key: bytes) -> Position:
    """The position of a cursor that was made for this query.

    Raises:
        InvalidCursor: it was not, or it is none.
    """
    signed = _signed(cursor)
    signature, body = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
    if not compare_digest(signature, _signature(body, key)):
        raise InvalidCursor("the cursor was changed, or signed with another key")
    made_for, values, offset = json.loads(body)
    if made_for != query:
        raise InvalidCursor("the cursor is of another query")
    return Position(query, None if values is None else tuple(map(_read, values)), offset)


def _signed(cursor: object) -> bytes:
    if not isinstance(cursor, str):
        raise InvalidCursor(f"expected a cursor as a str, got {type(cursor).__name__}")
    shape = _SHAPE.fullmatch(cursor)
    if shape is None:
        raise InvalidCursor(f"expected a cursor, got {_shortened(cursor)}")
    if int(shape[1]) != _VERSION:
        raise InvalidCursor("the cursor is of a newer version")
    try:
        signed = urlsafe_b64decode(shape[2] + "=" * (-len(shape[2]) % 4))
    except ValueError:
        signed = b""
    if _in_letters(signed) != shape[2]:  # several spellings of the same bytes are several cursors
        raise InvalidCursor("the cursor was changed")
    return signed


def _shortened(text: str) -> str:
    return repr(text) if len(text) <= 40 else f"{text[:40]!r}..."


def _in_letters(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


def _signature(body: bytes, key: bytes) -> bytes:
    return digest(key, b"%d." % _VERSION + body, "sha256")


def signing_key(url: URL) -> bytes:
    """The key of cursors: of the environment, else derived from the database's URL, slowly.

    All workers of a deployment have the same, and those that await their statements too.
    """
    secret = os.environ.get(KEY_VARIABLE)
    if secret:
        return sha256(secret.encode(errors="surrogateescape")).digest()
    place = [url.get_backend_name(), url.username, url.host, url.port, url.database]
    secrets = [url.password, *(url.query[name] for name in sorted(url.query) if "pass" in name)]
    salt = json.dumps(["agentorm cursors", *place]).encode()
    return _derived(json.dumps(secrets).encode(), salt)


_known: dict[bytes, bytes] = {}


def _derived(secret: bytes, salt: bytes) -> bytes:
    """So that nobody tries passwords against a cursor at any speed."""
    name = sha256(salt + secret).digest()
    if name not in _known:
        _known[name] = pbkdf2_hmac("sha256", secret, salt, _ROUNDS)
    return _known[name]


def _written(value: Any) -> Any:
    """A value as a driver gives it, in JSON: its kind before all that JSON does not have."""
    if value is None or type(value) in {bool, int, str}:
        return value
    if isinstance(value, _BYTES):
        return ["bytes", _letters_of_any(value)]
    for kind, (name, write, _) in _KINDS.items():
        if isinstance(value, kind):
            return [name, write(value)]
    raise InvalidQuery(
        f"no cursor holds a {type(value).__name__}, which the rows are sorted by",
        hint="order_by() a number, a text or a date",
    )


def _read(written: Any) -> Any:
    if not isinstance(written, list):
        return written
    name, text = written  # pyright: ignore[reportUnknownVariableType]
    return _READ[name](text)


def _letters_of_any(value: Any) -> str:
    return _in_letters(bytes(value))


def _from_letters(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _of_parts(parts: Sequence[int]) -> timedelta:
    return timedelta(*parts)


def _parts(value: timedelta) -> Sequence[int]:
    return value.days, value.seconds, value.microseconds


_KINDS: dict[type, tuple[str, Any, Any]] = {  # a datetime is a date too, and comes first
    bool: ("bool", bool, bool),
    int: ("int", int, int),
    str: ("str", str, str),
    float: ("float", repr, float),
    Decimal: ("decimal", str, Decimal),
    datetime: ("datetime", datetime.isoformat, datetime.fromisoformat),
    date: ("date", date.isoformat, date.fromisoformat),
    time: ("time", time.isoformat, time.fromisoformat),
    timedelta: ("timedelta", _parts, _of_parts),
    UUID: ("uuid", str, UUID),
}
_READ: dict[str, Any] = {name: read for name, _, read in _KINDS.values()} | {"bytes": _from_letters}
