"""SQLModel: its own classes of tables and its session."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, ClassVar

from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel

from tests.benchmarks.price.measuring import Steps
from tests.benchmarks.price.peers.sqlalchemy_orm import Mapped, steps
from tests.benchmarks.price.peers.sqlalchemy_types import HABITS, own_engine
from tests.benchmarks.price.place import Place
from tests.benchmarks.price.tables import DIMENSION


def sides(place: Place, stack: ExitStack) -> dict[str, Steps]:
    """Classes of tables as SQLModel's users declare them, and a session for the whole run."""
    session = stack.enter_context(Session(own_engine(place, stack), expire_on_commit=False))
    read, new = (_declared(place, name) for name in ("pricerow", "pricenew"))
    return {"SQLModel": steps(Mapped(place, session, read, new))}


def _declared(place: Place, table: str) -> type[Any]:
    vector: Any = HABITS[place.engine].vector(DIMENSION)

    class Base(SQLModel, registry=registry()):
        pass

    class Row(Base, table=True):
        __tablename__: ClassVar[Any] = table

        id: int = Field(primary_key=True)
        name: str
        section: str
        installed_kib: int
        embedding: Any = Field(sa_type=vector)

    return Row
