"""Entities that are related in every way, and two plain classes."""

from collections.abc import Callable

import pytest
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from agentorm import Database, Entity, Field, NotLoaded, Relationship, repository

COMPOSER = (
    "Opera.composer is not loaded; load it with the query: .options(selectinload(Opera.composer))"
)
ACTS = "Opera.acts is not loaded; load it with the query: .options(selectinload(Opera.acts))"


class Stage(Entity, registry=registry()):
    """What all of them derive from."""


class Patron(Stage, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    composers: list["Composer"] = Relationship(back_populates="patron")


class Composer(Stage, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    patron_id: int | None = Field(default=None, foreign_key="patron.id")
    patron: Patron | None = Relationship(back_populates="composers")
    operas: list["Opera"] = Relationship(back_populates="composer")
    letters: list["Letter"] = Relationship(back_populates="composer", passive_deletes="all")


class Letter(Stage, table=True):
    id: int | None = Field(default=None, primary_key=True)
    text: str
    composer_id: int | None = Field(default=None, foreign_key="composer.id", ondelete="CASCADE")
    composer: Composer = Relationship(back_populates="letters")


class Opera(Stage, table=True):
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "opera"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True)
    kind: str = "opera"
    title: str
    composer_id: int | None = Field(default=None, foreign_key="composer.id")
    composer: Composer | None = Relationship(back_populates="operas")
    author: Composer | None = Relationship(
        sa_relationship_kwargs={"lazy": "select", "viewonly": True}
    )
    acts: list["Act"] = Relationship(back_populates="opera", cascade_delete=True)


class Act(Stage, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    opera_id: int | None = Field(default=None, foreign_key="opera.id")
    opera: Opera = Relationship(back_populates="acts")


class Festival(Opera, table=True):
    """An opera that somebody paid for."""

    __mapper_args__ = {"polymorphic_identity": "festival"}  # noqa: RUF012
    id: int | None = Field(default=None, primary_key=True, foreign_key="opera.id")
    patron_id: int | None = Field(default=None, foreign_key="patron.id")
    patron: Patron | None = Relationship()


class Hall(SQLModel, registry=registry()):
    """Plain SQLModel: no entity."""


class Building(Hall, table=True):
    id: int | None = Field(default=None, primary_key=True)
    rooms: list["Room"] = Relationship(back_populates="building")


class Room(Hall, table=True):
    id: int | None = Field(default=None, primary_key=True)
    building_id: int | None = Field(default=None, foreign_key="building.id")
    building: Building = Relationship(back_populates="rooms")


def compose(db: Database) -> None:
    """Two operas of a composer who has a patron, as the second has."""
    db.create_all(Patron, Composer, Letter, Opera, Act, Festival)
    joseph = Patron(name="Joseph")
    mozart = Composer(name="Mozart", patron=joseph, letters=[Letter(text="Dear")])
    figaro = Opera(title="Figaro", composer=mozart, acts=[Act(name="I"), Act(name="II")])
    with db.transaction() as session:
        repository(Opera, session).add(figaro)
        repository(Festival, session).add(Festival(title="Tito", composer=mozart, patron=joseph))


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(NotLoaded) as refused:
        read()
    return str(refused.value)
