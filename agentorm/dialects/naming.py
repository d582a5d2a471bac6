"""Names that are made of others, and cut where an engine would refuse them."""

from __future__ import annotations

from hashlib import blake2s

_LONGEST_NAME = 60


def short_name(name: str) -> str:
    """The name of an index, cut where an engine would refuse it, and still no other's."""
    if len(name) <= _LONGEST_NAME:
        return name
    digest = blake2s(name.encode(), digest_size=4).hexdigest()
    return f"{name[: _LONGEST_NAME - 9]}_{digest}"
