"""Bytes: any of them, any number, compared and sorted as such."""

from __future__ import annotations

from typing import Any

import pytest

from agentorm import Database, Field, InvalidValue, col, repository
from tests.contract.models import Contract, Scalar

EVERY = bytes(range(256))
AWKWARD = [
    b"",
    b"\0",
    b"\0\0",
    b" ",
    b"a",
    b"a\0",
    b"a ",
    b"\\",
    b"\\'",
    b"'",
    b"%s",
    b"\xff\xfe",
    EVERY,
]


class Packed(Contract, table=True):
    code: bytes = Field(primary_key=True)
    short: bytes | None = Field(default=None, max_length=3)


@pytest.fixture
def blobs(db: Database) -> Database:
    db.create_all(Scalar)
    return db


def found(db: Database, condition: Any) -> list[bytes | None]:
    return [row.raw for row in repository(Scalar, db).where(condition).order_by(Scalar.id).all()]


def test_many_bytes_come_back(blobs: Database) -> None:
    large = EVERY * 400
    scalars = repository(Scalar, blobs)
    scalars.add_all([Scalar(raw=large), Scalar(raw=large + b"\0"), Scalar(raw=large[:-1])])
    assert len(large) == 102_400
    assert found(blobs, col(Scalar.raw) == large) == [large]
    assert [len(raw or b"") for raw in found(blobs, col(Scalar.raw) > large)] == [102_401]


@pytest.mark.parametrize("raw", AWKWARD, ids=repr)
def test_bytes_come_back_and_are_found_alone(blobs: Database, raw: bytes) -> None:
    repository(Scalar, blobs).add_all(Scalar(raw=other) for other in AWKWARD)
    assert found(blobs, col(Scalar.raw) == raw) == [raw]
    assert found(blobs, col(Scalar.raw).in_([raw])) == [raw]
    assert found(blobs, col(Scalar.raw) != raw) == [other for other in AWKWARD if other != raw]
    assert found(blobs, col(Scalar.raw) < raw) == [other for other in AWKWARD if other < raw]


def test_bytes_are_sorted(blobs: Database) -> None:
    repository(Scalar, blobs).add_all(Scalar(raw=raw) for raw in [*AWKWARD, None])
    rows = repository(Scalar, blobs).order_by(Scalar.raw).all()
    assert [row.raw for row in rows] == [None, *sorted(AWKWARD)]
    rows = repository(Scalar, blobs).order_by(col(Scalar.raw).desc()).all()
    assert [row.raw for row in rows] == [*sorted(AWKWARD, reverse=True), None]


def test_bytes_are_keys(db: Database) -> None:
    db.create_all(Packed)
    rows = repository(Packed, db)
    rows.add_all(Packed(code=raw[:255]) for raw in AWKWARD)
    assert [row.code for row in rows.all()] == sorted(raw[:255] for raw in AWKWARD)
    assert [rows.get(raw[:255]) is not None for raw in AWKWARD] == [True] * len(AWKWARD)
    assert (rows.get(b"A"), rows.get(b"\0\0\0")) == (None, None)
    with pytest.raises(InvalidValue, match=r"Packed\.code: 256 bytes, at most 255 fit"):
        rows.add(Packed(code=EVERY))


def test_a_declared_length_is_kept(db: Database) -> None:
    db.create_all(Packed)
    with pytest.raises(InvalidValue, match=r"Packed\.short"):
        Packed(code=b"x", short=b"1234")
    repository(Packed, db).add(Packed(code=b"x", short=b"\0\0\0"))
    assert repository(Packed, db).get(b"x") == Packed(code=b"x", short=b"\0\0\0")
