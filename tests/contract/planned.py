"""A model whose rows plans load, and what it takes to tell a plan from SQLAlchemy's ORM."""

from typing import Any

from pydantic import PrivateAttr
from sqlalchemy import inspect
from sqlalchemy.orm import registry

from agentorm import Entity, Field, Relationship, Vector, json_field, vector_field
from agentorm.results import Explanation
from agentorm.switch import plans_are_on

APPLE = {"a": 1, "b": [1, {"c": 1}]}


class Shop(Entity, registry=registry()):
    """What all of them derive from."""


class Maker(Shop, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    wares: list["Ware"] = Relationship(back_populates="maker")


class Ware(Shop, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    n: int = 0
    price: float | None = None
    meta: dict[str, Any] = json_field()
    maker_id: int | None = Field(default=None, foreign_key="maker.id")
    place: Vector | None = vector_field(3, default=None, metric="l2")
    maker: Maker | None = Relationship(back_populates="wares")
    _seen: int = PrivateAttr(default=0)


def wares() -> list[Ware]:
    """Four of them; their keys are 1 to 4."""
    return [
        Ware(name="apple", n=1, price=0.5, meta=APPLE, maker_id=7, place=Vector([1, 0, 0])),
        Ware(name="bread", n=2, price=2.5, meta={"a": 2}, place=Vector([0, 1, 0])),
        Ware(name="cheese", n=3, place=Vector([0, 0, 2])),
        Ware(name="5%", n=4, price=1.0, meta={"a": "1"}),
    ]


def is_by_plan(entity: Any) -> bool:
    """Whether a plan has made the entity: a load of the ORM has a number, its own has none."""
    return "runid" not in vars(inspect(entity))


def loaded_as_switched(*entities: object) -> bool:
    """Whether plans have made these entities where they are on, and the ORM where not."""
    return all(is_by_plan(entity) == plans_are_on() for entity in entities)


def notes_on_serving(explained: Explanation) -> tuple[str, ...]:
    """What `explain()` notes, but for who loads the rows: that depends on the switch."""
    return tuple(n for n in explained.notes if not n.startswith("SQLAlchemy's ORM loads"))
