from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import MetaData, inspect

from agentorm import Database, Entity
from tests.contract.models import Author, Contract, Doc, Json, Pair, Picture, Required, Scalar, Tag
from tests.migrations.harness import Project
from tests.property.models import MODELS, World

UNBUILDABLE = "leaf"  # MariaDB builds no two vector indexes on one table


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
    own = {inspect(model).local_table for model in MODELS_OF[which]}

    def is_own(item: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or (item in own and name != UNBUILDABLE)

    project = Project(tmp_path / "p", url, include_object=is_own)
    assert project.difference(metadata) == ""
    project.check(metadata)
