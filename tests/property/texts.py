"""What SQL's ``LIKE`` finds, in plain Python."""

from __future__ import annotations

import re

PARTS = {"startswith": ("", "%"), "endswith": ("%", ""), "contains": ("%", "%")}
"""What stands before the part, and behind it."""


def is_like(text: str, pattern: str, verb: str = "like") -> bool:
    """Whether the text fits the pattern; ``ilike`` ignores the case of ASCII letters."""
    if verb == "ilike":
        text, pattern = _lower(text), _lower(pattern)
    return _fits(text, "".join(map(_as_regex, pattern))) is not (verb == "not_like")


def is_part(text: str, place: str, part: str, *, escaped: bool) -> bool:
    """Whether the part is there; escaped, nothing is wild but what stands around it."""
    inner = re.escape(part) if escaped else "".join(map(_as_regex, part))
    before, after = PARTS[place]
    return _fits(text, f"{_as_regex(before)}{inner}{_as_regex(after)}")


def _fits(text: str, regex: str) -> bool:
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _as_regex(character: str) -> str:
    return {"%": ".*", "_": "."}.get(character, re.escape(character))


def _lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)
