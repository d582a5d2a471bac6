"""Alembic's own lists of what is compared, to which the plugin adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

Filter: TypeAlias = Callable[..., bool]


def name_filters(context: Any) -> list[Filter]:
    """What says of a name in the database whether it is compared."""
    filters: list[Filter] = context._name_filters  # noqa: SLF001
    return filters


def object_filters(context: Any) -> list[Filter]:
    """What says of a part of either schema whether it is compared."""
    filters: list[Filter] = context._object_filters  # noqa: SLF001
    return filters
