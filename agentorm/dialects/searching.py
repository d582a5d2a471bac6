"""How an engine searches text: what makes its index, what is asked of it, in whose syntax."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from agentorm.dialects import text_forms
from agentorm.dialects.text_forms import TextForms
from agentorm.dialects.text_storage import NOTHING, TextStorage
from agentorm.errors import UnsupportedFeature

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from agentorm.dialects.built import BuiltText
    from agentorm.words import Raw


class SearchesText:
    """The part of a dialect that is about full text.

    Attributes:
        name: the name SQLAlchemy gives the engine.
        text: how its full-text index is asked.
        text_storage: how that is made.
    """

    name: ClassVar[str] = "generic"
    text: TextForms = text_forms.READABLE
    text_storage: ClassVar[TextStorage] = NOTHING

    def text_indexes(
        self, connection: Connection, table: str, schema: str | None = None
    ) -> dict[str, BuiltText]:
        """The full-text indexes of a table by their names, those made as `text_storage` says."""
        return {}

    def check_raw(self, search: Raw) -> None:
        """See that a search is in the engine's own syntax.

        Raises:
            UnsupportedFeature: it is not.
        """
        if search.engine != self.name:
            raise UnsupportedFeature(
                f"a search in the syntax of {search.engine}",
                dialect=self.name,
                hint='matching("words") means the same on every engine',
            )
