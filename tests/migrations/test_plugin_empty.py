from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import MetaData

from agentorm import Database, Entity
from tests.contract.models import Author, Contract, Doc, Json, Pair, Picture, Required, Scalar, Tag
from tests.migrations.harness import Project
from tests.property.models import MODELS, World


def is_buildable(item: object, name: str | None, *_: object) -> bool:
    """MariaDB builds no two vector indexes on one table."""
    return name != "leaf"


MODELS_OF: dict[str, tuple[type[Entity], ...]] = {
    "contract": (Author, Doc, Tag, Pair, Picture, Scalar, Required, Json),
    "property": MODELS,
}


@pytest.mark.parametrize("which", ["contract", "property"])
def test_nothing_differs_from_tables_that_were_just_created(
    url: str, tmp_path: Path, which: str
) -> None:
    metadata: MetaData = {"contract": Contract, "property": World}[which].metadata
    with Database(url) as db:
        db.create_all(*MODELS_OF[which])
    project = Project(tmp_path / "p", url, include_object=is_buildable)
    assert project.difference(metadata) == ""
    project.check(metadata)
