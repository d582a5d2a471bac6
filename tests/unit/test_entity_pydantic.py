"""What pydantic offers a class works in an entity: aliases, validators, properties."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from pydantic import (
    AliasChoices,
    ConfigDict,
    PrivateAttr,
    ValidationInfo,
    computed_field,
    field_validator,
    model_validator,
)
from pydantic import Field as PydanticField
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import registry
from typing_extensions import TypedDict

from agentorm.entity import Entity
from agentorm.errors import InvalidValue
from agentorm.fields import Field, json_field


class Unit(Entity, registry=registry()):
    """What the tables here derive from."""


class Rich(Unit, table=True):
    """Everything else a class can declare."""

    model_config = ConfigDict(str_strip_whitespace=True)  # type: ignore[assignment]
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(alias="Title")
    slug: str | None = PydanticField(default=None, validation_alias=AliasChoices("Slug", "SLUG"))
    end: int = 0
    start: int = 0
    meta: dict[str, int] = json_field()
    fixed: int = PydanticField(default=1, frozen=True)
    _cache: str = PrivateAttr(default="empty")
    _seen: str | None = None

    @field_validator("start")
    @classmethod
    def before_the_end(cls, value: int, info: ValidationInfo) -> int:
        assert sorted(info.data)[:3] != []
        if value > info.data["end"]:
            raise ValueError("it starts after the end")
        return value

    @model_validator(mode="after")
    def mark(self) -> Rich:
        self.slug = self.slug or "none"
        return self

    def model_post_init(self, context: Any, /) -> None:
        self._seen = self.title

    @property
    def seen(self) -> str | None:
        return self._seen

    @property
    def cache(self) -> str:
        return self._cache

    @cache.setter
    def cache(self, value: str) -> None:
        self._cache = value

    @cached_property
    def once(self) -> list[int]:
        return [1]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def shout(self) -> str:
        return self.title.upper()

    @hybrid_property
    def label(self) -> str:
        return self.title

    @label.inplace.setter
    def _label_setter(self, value: str) -> None:
        self.title = value


def rich(**values: Any) -> Rich:
    return Rich(**values)


def test_aliases_and_names_are_both_accepted() -> None:
    assert [rich(Title="a").title, rich(title=" b ").title] == ["a", "b"]
    assert [rich(SLUG="c").slug, rich(Slug="c").slug, rich(slug="c").slug] == ["c", "c", "c"]
    assert rich(Title="a", SLUG="c").model_fields_set == {"title", "slug"}
    with pytest.raises(InvalidValue, match=r"^Rich\.title: Input should be a valid string"):
        rich(Title=3)
    with pytest.raises(InvalidValue, match=r"^Rich\.title: it is given twice"):
        rich(Title="a", title="b")


def test_a_validator_sees_the_other_fields() -> None:
    one = rich(title="a", end=5, start=5)
    with pytest.raises(InvalidValue, match=r"^Rich\.start: it starts after the end$"):
        one.start = 6
    with pytest.raises(InvalidValue, match=r"^Rich\.start: it starts after the end$"):
        rich(title="a", end=1, start=2)
    one.end, one.start = 9, 8
    assert (one.start, one.end) == (8, 9)


def test_properties_private_and_cached_attributes_work_as_in_pydantic() -> None:
    one = rich(title="a")
    assert (one.cache, one.seen, one.shout, one.once) == ("empty", "a", "A", [1])
    one.cache, one.label, one.once = "full", "b", [2]
    assert (one.cache, one.title, one.once) == ("full", "b", [2])
    assert repr(one) == "Rich(id=None, title='b', slug=None, end=0, start=0, meta={}, fixed=1)"
    assert one.model_copy().cache == "full"


def test_a_frozen_field_takes_its_value_only_at_the_start() -> None:
    one = rich(title="a", fixed=2)
    with pytest.raises(InvalidValue, match=r"^Rich\.fixed: the field is frozen$"):
        one.fixed = 3
    assert one.fixed == 2


def test_model_validators_see_an_entity() -> None:
    assert Rich.model_validate({"Title": "a"}).slug == "none"


def test_a_place_within_json_is_named() -> None:
    with pytest.raises(InvalidValue) as refused:
        rich(title="a", meta={"x": "y", "z": "w"})
    problem = "Input should be a valid integer, unable to parse string as an integer"
    assert str(refused.value) == (
        f"""Rich.meta["x"]: {problem}, got 'y'; ["z"]: {problem}, got 'w'"""
    )


def test_extra_values_are_kept_where_the_class_allows_them() -> None:
    class Open(Unit, table=True):
        model_config = ConfigDict(extra="allow")  # type: ignore[assignment]
        id: int | None = Field(default=None, primary_key=True)

    one = Open(id=1, more=2)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert (one.model_extra, one.model_dump()) == ({"more": 2}, {"id": 1, "more": 2})
    setattr(one, "most", 3)  # noqa: B010  # type checkers do not know it
    assert Open.model_validate({"id": 1, "more": 2, "most": 3}) == one


class Tree(TypedDict):
    name: str
    children: list[Tree]


def test_a_json_field_may_have_a_recursive_type() -> None:
    class Forest(Unit, table=True):
        id: int | None = Field(default=None, primary_key=True)
        tree: Tree = json_field()
        trees: list[Tree] = json_field()

    leaf: Tree = {"name": "leaf", "children": []}
    forest = Forest(tree={"name": "root", "children": [leaf]})
    forest.trees = [leaf]
    forest.trees[0]["children"].append(leaf)
    assert forest.model_dump() == {
        "id": None,
        "tree": {"name": "root", "children": [leaf]},
        "trees": [{"name": "leaf", "children": [leaf]}],
    }
    with pytest.raises(InvalidValue, match=r'^Forest\.tree\["children"\]\[0\]\["name"\]: Input '):
        forest.sqlmodel_update({"tree": {"name": "a", "children": [{"name": 1, "children": []}]}})
    assert Forest.model_validate(forest) == forest


def test_members_of_enums_are_plain_in_json() -> None:
    class Tone(StrEnum):
        LOUD = "loud"

    class Level(IntEnum):
        HIGH = 3

    class Sound(Unit, table=True):
        id: int | None = Field(default=None, primary_key=True)
        meta: dict[str, Any] = json_field()

    sound = Sound(meta={Tone.LOUD: [Tone.LOUD, Level.HIGH, np.float64(0.5)]})
    assert repr(sound.meta) == "{'loud': ['loud', 3, 0.5]}"
