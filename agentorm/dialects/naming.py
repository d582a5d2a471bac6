"""Names that are made of others, and cut where an engine would refuse them."""

from __future__ import annotations

from hashlib import blake2s

_LONGEST_NAME = 60  # bytes, as PostgreSQL counts


def short_name(name: str) -> str:
    """The name of an index, cut where an engine would refuse it, and still no other's."""
    encoded = name.encode()
    if len(encoded) <= _LONGEST_NAME:
        return name
    digest = blake2s(encoded, digest_size=4).hexdigest()
    return f"{encoded[: _LONGEST_NAME - 9].decode(errors='ignore')}_{digest}"
