"""Integers of 64 bits, finite floats, exact decimals: refused rather than rounded."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func
from sqlmodel import select

from agentorm import Database, Field, InvalidValue, UnsupportedFeature, col, repository
from tests.contract.models import Contract, Scalar


class Price(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    amount: Decimal = Field(max_digits=8, decimal_places=2)
    pieces: int = 1


class Ledger(Contract, table=True):
    id: int | None = Field(default=None, primary_key=True)
    balance: Decimal = Field(max_digits=30, decimal_places=10)


@pytest.fixture
def prices(db: Database) -> Database:
    db.create_all(Price)
    repository(Price, db).add_all(
        Price(id=n, amount=Decimal(amount), pieces=pieces)
        for n, (amount, pieces) in enumerate([("1.50", 1), ("10.00", 3), ("-2.25", 2)], start=1)
    )
    return db


def found(db: Database, *conditions: Any) -> list[int | None]:
    return [row.id for row in repository(Price, db).where(*conditions).all()]


@pytest.mark.parametrize("name", ["whole", "real", "price"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(name: str, value: float) -> None:
    make: Any = Scalar
    with pytest.raises(InvalidValue, match=rf"Scalar\.{name}: "):
        make(**{name: value})


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_integers_beyond_64_bits_are_refused(db: Database, sent: list[str], value: int) -> None:
    with pytest.raises(InvalidValue, match=r"Scalar\.whole: .* does not fit into 64 bits"):
        Scalar(whole=value)
    with pytest.raises(InvalidValue, match="does not fit into 64 bits"):
        repository(Scalar, db).where(col(Scalar.whole) < value).all()
    assert not any("scalar" in statement for statement in sent)


def test_floats_keep_every_bit(db: Database) -> None:
    db.create_all(Scalar)
    values = [-0.0, 5e-324, 2.2250738585072014e-308, 0.1 + 0.2, math.pi, 9007199254740993.0]
    repository(Scalar, db).add_all(Scalar(real=value) for value in values)
    rows = repository(Scalar, db).order_by(Scalar.id).all()
    assert [(row.real or 0.0).hex() for row in rows][1:] == [value.hex() for value in values][1:]
    assert math.copysign(1, rows[0].real or 0.0) == -1 or rows[0].real == 0.0


def test_an_integer_in_a_float_field_is_a_float(db: Database) -> None:
    db.create_all(Scalar)
    row = repository(Scalar, db).add(Scalar(real=3))
    assert type(row.real) is float
    assert repository(Scalar, db).where(Scalar.real == 3).one().id == row.id


def test_whole_decimals_and_exponents_are_kept_exactly(db: Database) -> None:
    db.create_all(Scalar)
    values = [Decimal("1E+3"), Decimal("-0.0"), Decimal("12345678.000000"), Decimal("1e-6")]
    repository(Scalar, db).add_all(Scalar(price=value) for value in values)
    rows = repository(Scalar, db).order_by(Scalar.id).all()
    assert [row.price for row in rows] == values
    assert {type(row.price) for row in rows} == {Decimal}


@pytest.mark.parametrize("amount", ["0.001", "1000000", "-1000000.00", "1e99"])
def test_decimals_of_more_digits_are_refused_and_not_rounded(amount: str) -> None:
    with pytest.raises(InvalidValue, match=r"Price\.amount: "):
        Price(amount=Decimal(amount))


def test_decimals_are_compared_as_numbers(prices: Database) -> None:
    assert found(prices, Price.amount == Decimal("1.5")) == [1]
    assert found(prices, Price.amount > 9) == [2]
    assert found(prices, Price.amount < Decimal("1.4999")) == [3]
    assert found(prices, Price.amount > Decimal("1.499")) == [1, 2]
    assert found(prices, Price.amount == Decimal("1.499")) == []
    assert found(prices, Price.amount >= 1.5) == [1, 2]
    assert found(prices, Price.amount < Decimal(10**30)) == [1, 2, 3]


def test_decimals_are_added_and_subtracted(prices: Database) -> None:
    assert found(prices, Price.amount + Decimal("0.5") == 2) == [1]
    assert found(prices, Price.amount - 10 == 0) == [2]
    assert found(prices, -col(Price.amount) == Decimal("2.25")) == [3]


def test_decimals_are_multiplied(prices: Database) -> None:
    assert found(prices, Price.amount * 2 == 3) == [1]
    assert found(prices, Price.amount * Price.pieces > 29) == [2]


def test_decimals_are_divided(prices: Database) -> None:
    assert found(prices, Price.amount / 2 == 5) == [2]


def test_decimals_are_summed(prices: Database) -> None:
    with prices.session() as session:
        total, least, most = session.exec(
            select(func.sum(Price.amount), func.min(Price.amount), func.max(Price.amount))
        ).one()
    assert (total, least, most) == (Decimal("9.25"), Decimal("-2.25"), Decimal("10.00"))


def test_integers_are_computed_with(prices: Database) -> None:
    assert found(prices, Price.pieces * 2 == 6) == [2]
    assert found(prices, Price.pieces + 2**40 > 2**40 + 1) == [2, 3]
    assert found(prices, Price.pieces % 2 == 1) == [1, 2]


def test_integers_of_64_bits_are_summed_with(db: Database) -> None:
    db.create_all(Scalar)
    repository(Scalar, db).add(Scalar(id=1, whole=2**62))
    assert repository(Scalar, db).where(col(Scalar.whole) + 2**61 == 3 * 2**61).count() == 1


@pytest.mark.engines("postgresql", "mariadb", "mysql")
def test_thirty_digits_are_kept_where_the_engine_can(db: Database) -> None:
    db.create_all(Ledger)
    balance = Decimal("12345678901234567890.0123456789")
    repository(Ledger, db).add(Ledger(id=1, balance=balance))
    assert repository(Ledger, db).where(Ledger.balance == balance).one().balance == balance


@pytest.mark.engines("sqlite")
def test_thirty_digits_are_refused_where_it_cannot(db: Database) -> None:
    with pytest.raises(UnsupportedFeature, match="sqlite does not support decimals of 30 digits"):
        db.create_all(Ledger)
