"""How large a filter may be, and the account of how large one is."""

from __future__ import annotations

from typing import Any

from agentorm.errors import InvalidFilter
from agentorm.refusals import shown

DEPTH = 32
CONTAINED = 8
NODES = 1_000
LIST = 1_000
VALUES = 5_000
STEPS = 32
ALL_STEPS = 2_000
CHARACTERS = 65_536
PATTERN = 8_192  # SQLite takes 50,000 bytes
ALL_CHARACTERS = 1_000_000
LARGEST_PLACE = 2**31 - 1


class Budget:
    """What is left of the limits while one filter is read."""

    def __init__(self) -> None:
        self.nodes, self.values, self.characters = NODES, VALUES, ALL_CHARACTERS
        self.steps = ALL_STEPS

    def take_node(self, depth: int, path: str) -> None:
        """Count one node.

        Raises:
            InvalidFilter: it is one too many, or too deep.
        """
        if depth > DEPTH:
            raise InvalidFilter(f"conditions are nested at most {DEPTH} deep", path=path)
        self.nodes -= 1
        self.leave_nodes(0, path)

    def leave_nodes(self, count: int, path: str) -> None:
        """See that so many nodes more are within the limit.

        Raises:
            InvalidFilter: they are not.
        """
        if count > self.nodes:
            raise InvalidFilter(f"a filter has at most {NODES:,} conditions", path=path)

    def take_values(self, count: int, path: str) -> None:
        """Count the items of a list or an object, or one value.

        Raises:
            InvalidFilter: they are too many in one list, or in the whole filter.
        """
        if count > LIST:
            raise InvalidFilter(f"expected at most {LIST:,} values, got {count:,}", path=path)
        self.values -= count
        if self.values < 0:
            raise InvalidFilter(f"a filter has at most {VALUES:,} values in all", path=path)

    def take_steps(self, count: int, path: str) -> None:
        """Count the steps of a path, once for each value that is compared with what it leads to.

        Raises:
            InvalidFilter: they are too many in the whole filter.
        """
        self.steps -= count
        if self.steps < 0:
            problem = f"the paths of a filter have at most {ALL_STEPS:,} steps, times their values"
            raise InvalidFilter(problem, path=path)

    def take_text(self, text: str, path: str) -> None:
        """Count the characters of a text.

        Raises:
            InvalidFilter: they are too many in one text, or in the whole filter.
        """
        if len(text) > CHARACTERS:
            problem = f"expected text of at most {CHARACTERS:,} characters, got {len(text):,}"
            raise InvalidFilter(problem, path=path)
        self.characters -= len(text)
        if self.characters < 0:
            problem = f"a filter has at most {ALL_CHARACTERS:,} characters of text in all"
            raise InvalidFilter(problem, path=path)

    def check_pattern(self, text: str, path: str) -> None:
        """See that a text is no longer than a pattern may be.

        Raises:
            InvalidFilter: it is.
        """
        if len(text) > PATTERN:
            problem = f"expected a pattern of at most {PATTERN:,} characters, got {len(text):,}"
            raise InvalidFilter(problem, path=path)


def told(value: Any) -> str:
    """What came, for a message: short, whatever it is."""
    if value is None:
        return "null"
    if isinstance(value, int) and value.bit_length() > 1_000:
        return f"an integer of {value.bit_length():,} bits"
    try:
        return shown(value)
    except Exception:  # noqa: BLE001  # a value's own repr may fail in any way
        return type(value).__name__
