"""Why a peer does not take part."""

from __future__ import annotations


class LeftOut(Exception):
    """A peer that does not take part on an engine, for this reason."""
