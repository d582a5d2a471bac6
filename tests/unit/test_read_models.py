"""What rows can be read into, and what is refused at once."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Annotated, Any, NamedTuple, TypedDict

import msgspec
import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, PrivateAttr
from pydantic import Field as PydanticField
from sqlalchemy.orm import registry, selectinload, with_loader_criteria
from sqlmodel import SQLModel

from agentorm import (
    Entity,
    Field,
    InvalidQuery,
    Relationship,
    UnknownField,
    Vector,
    col,
    json_field,
    repository,
    vector_field,
)
from agentorm.read_models import read_model


class Read(Entity, registry=registry()):
    """What both derive from."""


class ReadTag(Read, table=True):
    id: int | None = Field(default=None, primary_key=True)
    paper_id: int = Field(foreign_key="readpaper.id")


class ReadPaper(Read, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(max_length=20)
    year: int | None = None
    meta: dict[str, Any] = json_field()
    embedding: Vector = vector_field(3)
    tags: list[ReadTag] = Relationship()


PAPERS = repository(ReadPaper)


@dataclass
class Card:
    id: int
    title: str


def made(cls: Any, *values: Any) -> Any:
    """One of a class, of the values of its columns in their order."""
    return read_model(ReadPaper, cls).maker()(values)


def refused(cls: Any) -> str:
    with pytest.raises(InvalidQuery) as error:
        PAPERS.into(cls)
    return str(error.value)


FOUR = "rows are read into a dataclass, a NamedTuple, a msgspec Struct or a pydantic model, got "


def test_any_other_kind_is_refused() -> None:
    class Bare:
        title: str

    class Typed(TypedDict):
        title: str

    assert refused(Bare) == FOUR + "Bare"
    assert refused(Typed) == FOUR + "Typed"
    assert refused(dict) == FOUR + "dict"
    assert refused(tuple) == FOUR + "tuple"
    assert refused("Card") == FOUR + "'Card'"
    assert refused([Card]).startswith(FOUR)
    assert refused(Card(1, "a")) == FOUR + "Card(id=1, title='a')"
    assert refused(ReadPaper) == (
        "ReadPaper is a mapped class; rows become a dataclass, a NamedTuple, a msgspec Struct or a "
        "pydantic model; a class of the same fields without table=True holds what is read"
    )


def test_fields_are_known_or_have_a_default() -> None:
    @dataclass
    class Misspelt:
        id: int
        titel: str

    with pytest.raises(UnknownField, match=r"no field 'titel'; did you mean 'title'\?"):
        PAPERS.into(Misspelt)

    @dataclass
    class Related:
        id: int
        tags: list[Any]

    with pytest.raises(UnknownField, match="no field 'tags'"):
        PAPERS.into(Related)

    class Strange(NamedTuple):
        distance: float
        other: int = 1

    assert refused(Strange) == (
        "Strange has no field of ReadPaper; name its fields as those of the model are named"
    )


def test_a_constructor_takes_fields_alone() -> None:
    @dataclass
    class Initialised:
        id: int
        scale: InitVar[int]

    @dataclass(init=False)
    class Own:
        id: int

        def __init__(self, number: int) -> None:
            self.id = number

    hint = "; rows have values for its fields alone: no InitVar, no constructor of its own"
    assert refused(Initialised) == f"Initialised is made with 'scale', which is no field{hint}"
    assert refused(Own) == f"Own is made with 'number', which is no field{hint}"


def test_dataclasses_are_made_by_their_constructor() -> None:
    @dataclass
    class Derived:
        year: int | None
        id: int
        notes: list[str] = field(default_factory=list[str])
        title: str = "none"
        long: bool = field(init=False)

        def __post_init__(self) -> None:
            self.long = len(self.title) > 3

    one, other = made(Derived, 2020, 1, "short"), made(Derived, None, 2, "a")
    assert one == Derived(2020, 1, title="short")
    assert (one.long, other.long) == (True, False)
    assert one.notes is not other.notes


def test_tuples_and_structs() -> None:
    class Pair(NamedTuple):
        title: str
        other: int = 5

    assert made(Pair, "a") == Pair("a", 5)

    class Struct(msgspec.Struct, frozen=True, tag=True):
        title: str
        notes: list[str] = []
        id: int = 0

    assert made(Struct, "a", 3) == Struct("a", [], 3)


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int
    title: str
    seen: bool = False
    _secret: list[int] = PrivateAttr(default_factory=lambda: [1])

    def model_post_init(self, context: Any) -> None:
        self._secret.append(self.id)

    @property
    def secret(self) -> list[int]:
        return self._secret


class Swapped(BaseModel):
    title: str = PydanticField(alias="id")
    id: int = PydanticField(alias="title")


def test_pydantic_models_are_complete() -> None:
    loose = made(Loose, 3, "a")
    assert loose == Loose(id=3, title="a")
    assert (loose.secret, loose.model_fields_set, loose.model_extra) == (
        [1, 3],
        {"id", "title"},
        {},
    )
    assert repr(loose) == "Loose(id=3, title='a', seen=False)"
    loose.more = 1
    assert loose.model_dump() == {"id": 3, "title": "a", "seen": False, "more": 1}
    swapped = made(Swapped, "a", 3)
    assert (swapped.title, swapped.id) == ("a", 3)


def loud(value: str) -> str:
    return value.upper()


class Public(SQLModel):
    id: int
    title: str = Field(max_length=20)
    meta: dict[str, Any]


class Narrow(BaseModel):
    title: Annotated[str, PydanticField(max_length=5)]


class Loud(BaseModel):
    title: Annotated[str, AfterValidator(loud)]


class Dated(BaseModel):
    year: int


class Wide(BaseModel):
    title: str | bytes
    year: Any


def test_values_are_checked_where_more_is_asked_than_the_model_holds() -> None:
    """A value that fits no annotation shows whether anyone looked."""
    public = made(Public, "no int", 3.5, "no dict")
    assert (type(public), public.id, public.title, public.meta) == (
        Public,
        "no int",
        3.5,
        "no dict",
    )
    assert made(Wide, 1, {}).title == 1
    assert made(Loud, "a").title == "A"
    assert made(Dated, "2020").year == 2020
    for cls, value in ((Narrow, "too long"), (Dated, None)):
        with pytest.raises(ValueError, match=f"{cls.__name__}\\."):
            made(cls, value)


def test_what_is_made_is_prepared_once() -> None:
    assert read_model(ReadPaper, Card) is read_model(ReadPaper, Card)
    assert read_model(ReadPaper, Card).maker() is read_model(ReadPaper, Card).maker()


def test_the_verb_is_shown_and_kept() -> None:
    query = PAPERS.into(Card).where(ReadPaper.year == 2020).limit(3)
    assert repr(query) == "SyncQuery(ReadPaper).where(readpaper.year = :year_1).into(Card).limit(3)"


def test_options_that_load_are_refused() -> None:
    load = selectinload(ReadPaper.tags)  # type: ignore[arg-type]
    with pytest.raises(InvalidQuery, match=r"options\(\) load .* into\(\) reads none"):
        PAPERS.options(load).into(Card)
    with pytest.raises(InvalidQuery, match=r"options\(\) load .* into\(\) reads none"):
        PAPERS.into(Card).options(load)
    held = with_loader_criteria(ReadPaper, col(ReadPaper.year) == 2020)
    assert PAPERS.options(held).into(Card).loaders == (held,)
