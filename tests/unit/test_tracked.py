from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from agentorm.errors import InvalidValue
from agentorm.json_types import JSONType
from agentorm.tracked import TrackedDict, TrackedList, storable_json, tracked


class Base(DeclarativeBase):
    pass


class Sheet(Base):
    """A plain SQLAlchemy class, without entities."""

    __tablename__ = "tracked_sheet"
    id: Mapped[int] = mapped_column(primary_key=True)
    cells: Mapped[Any] = mapped_column(TrackedDict.as_mutable(JSONType()))
    rows: Mapped[Any] = mapped_column(TrackedList.as_mutable(JSONType()))


CHANGES: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "set": (lambda d: d.__setitem__("b", {"c": 1}), {"a": [1, {"x": 2}], "b": {"c": 1}}),
    "delete": (lambda d: d.__delitem__("a"), {}),
    "update": (lambda d: d.update({"b": 1}, c=2), {"a": [1, {"x": 2}], "b": 1, "c": 2}),
    "update with pairs": (lambda d: d.update([("a", 1)]), {"a": 1}),
    "update in place": (lambda d: d.__ior__({"b": 1}), {"a": [1, {"x": 2}], "b": 1}),
    "setdefault": (lambda d: d.setdefault("b", []).append(1), {"a": [1, {"x": 2}], "b": [1]}),
    "pop": (lambda d: d.pop("a"), {}),
    "popitem": (lambda d: d.popitem(), {}),
    "clear": (lambda d: d.clear(), {}),
    "append a tuple": (lambda d: d["a"].append((3, 4)), {"a": [1, {"x": 2}, [3, 4]]}),
    "extend": (lambda d: d["a"].extend([{}]), {"a": [1, {"x": 2}, {}]}),
    "add in place": (lambda d: d["a"].__iadd__(["y"]), {"a": [1, {"x": 2}, "y"]}),
    "multiply in place": (lambda d: d["a"].__imul__(2), {"a": [1, {"x": 2}, 1, {"x": 2}]}),
    "insert": (lambda d: d["a"].insert(0, None), {"a": [None, 1, {"x": 2}]}),
    "pop from a list": (lambda d: d["a"].pop(), {"a": [1]}),
    "remove": (lambda d: d["a"].remove(1), {"a": [{"x": 2}]}),
    "reverse": (lambda d: d["a"].reverse(), {"a": [{"x": 2}, 1]}),
    "sort": (lambda d: d["a"].sort(key=str, reverse=True), {"a": [{"x": 2}, 1]}),
    "set in a list": (lambda d: d["a"].__setitem__(0, 9), {"a": [9, {"x": 2}]}),
    "set a slice": (lambda d: d["a"].__setitem__(slice(0, 2), [7, 8, 9]), {"a": [7, 8, 9]}),
    "delete a slice": (lambda d: d["a"].__delitem__(slice(0, 1)), {"a": [{"x": 2}]}),
    "clear a list": (lambda d: d["a"].clear(), {"a": []}),
    "update two deep": (lambda d: d["a"][1].update(x=3), {"a": [1, {"x": 3}]}),
}


@contextmanager
def stored() -> Generator[Session]:
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        yield session
    engine.dispose()


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_every_change_at_any_depth_is_written(
    change: Callable[[Any], Any], expected: dict[str, Any]
) -> None:
    with stored() as session:
        session.add(Sheet(id=1, cells={"a": [1, {"x": 2}]}, rows=[]))
        session.commit()
        sheet = session.get_one(Sheet, 1)
        assert sheet.cells == {"a": [1, {"x": 2}]}
        assert sheet not in session.dirty
        change(sheet.cells)
        assert sheet in session.dirty
        session.commit()
        assert session.get_one(Sheet, 1).cells == expected


def test_reading_and_removing_what_is_not_there_changes_nothing() -> None:
    with stored() as session:
        session.add(Sheet(id=1, cells={"a": 1}, rows=[]))
        session.commit()
        sheet = session.get_one(Sheet, 1)
        assert sheet.cells.setdefault("a", 2) == 1
        assert sheet.cells.pop("b", None) is None
        assert sheet not in session.dirty


def test_what_is_put_in_is_copied() -> None:
    inner = {"x": [1]}
    outer = TrackedDict[Any](a=inner)
    inner["x"].append(2)
    assert outer == {"a": {"x": [1]}}
    assert type(outer["a"]) is TrackedDict
    assert type(outer["a"]["x"]) is TrackedList


def test_containers_are_equal_to_plain_ones_and_serialise_like_them() -> None:
    value = tracked({"a": [1, (2.5, None)], "b": {"c": True}})
    assert value == {"a": [1, [2.5, None]], "b": {"c": True}}
    assert json.dumps(value) == '{"a": [1, [2.5, null]], "b": {"c": true}}'
    assert repr(value) == "{'a': [1, [2.5, None]], 'b': {'c': True}}"


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301


DUPLICATES: dict[str, Callable[[Any], Any]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickled,
    "method": lambda value: value.copy(),
}


@pytest.mark.parametrize("duplicate", DUPLICATES.values(), ids=DUPLICATES)
def test_copies_are_independent(duplicate: Callable[[Any], Any]) -> None:
    value = tracked({"a": [{"x": 1}]})
    other = duplicate(value)
    assert other == {"a": [{"x": 1}]}
    assert type(other["a"][0]) is TrackedDict
    other["a"][0]["x"] = 2
    assert value == {"a": [{"x": 1}]}


def test_a_list_copies_independently_too() -> None:
    value = tracked([[1]])
    other = value.copy()
    other[0].append(2)
    assert (value, other) == ([[1]], [[1, 2]])


CYCLE: dict[str, Any] = {"a": []}
CYCLE["a"].append(CYCLE)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "NaN is not finite"),
        ({"a": [float("inf")]}, '["a"][0]: Infinity is not finite'),
        ([{"b": -float("inf")}], '[0]["b"]: -Infinity is not finite'),
        ({"a": 2**63}, '["a"]: 9223372036854775808 does not fit into 64 bits'),
        ({"a": "x\0"}, '["a"]: text holds NUL at 1, which engines refuse'),
        ({"a\0": 1}, "text holds NUL at 1, which engines refuse"),
        (["\ud800"], "[0]: text is not Unicode at 0: surrogates not allowed"),
        ({1: 2}, "a key of a JSON object is text, got 1"),
        ([{1}], "[0]: set is not JSON; convert it to text or numbers"),
        ([b"x"], "[0]: bytes is not JSON; convert it to text or numbers"),
        (CYCLE, '["a"][0]: a JSON value cannot hold itself'),
        (nested(32), "[0]" * 31 + ": JSON is nested at most 31 deep"),
    ],
)
def test_what_some_engine_cannot_hold_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        storable_json(value)
    assert str(refused.value) == message


def test_what_every_engine_holds_is_copied_plainly() -> None:
    assert storable_json({"a": (1, -(2**63), 0.5, None, True, "ü")}) == {
        "a": [1, -(2**63), 0.5, None, True, "ü"]
    }
    assert storable_json(nested(31)) == nested(31)
    assert type(storable_json(tracked({"a": []}))["a"]) is list


def test_a_refused_change_leaves_the_container_as_it_was() -> None:
    value = tracked({"a": [1]})
    with pytest.raises(InvalidValue, match=r'^\["a"\]\[1\]: NaN is not finite$'):
        value["a"].append(float("nan"))
    with pytest.raises(InvalidValue, match=r'^\["c"\]: set is not JSON'):
        value.update(b=1, c={2})
    with pytest.raises(InvalidValue, match="cannot hold itself"):
        value["a"].append(value)
    assert value == {"a": [1]}


def test_depth_is_counted_from_the_outermost_container() -> None:
    value = tracked([])
    inner = value
    for _ in range(30):
        inner.append([])
        inner = inner[0]
    with pytest.raises(InvalidValue, match="JSON is nested at most 31 deep"):
        inner.append([])
