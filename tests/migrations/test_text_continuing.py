"""A revision of full-text indexes that failed is run again, on engines that keep what it did."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from tests.migrations.memory_project import BEFORE, BROKEN, Project

UP = [
    'op.create_text_index("ft_run_owner_name", "run_owner", "name", language="english")\n',
    'op.add_column("run_owner", sa.Column("about", agentorm.StringType()))\n',
    'op.create_text_index("ft_run_owner_about", "run_owner", "about", language="simple")\n',
]
DOWN = [
    'op.drop_text_index("ft_run_owner_about", "run_owner", "about", language="simple")\n',
    'with op.batch_alter_table("run_owner") as batch:\n    batch.drop_column("about")\n',
    'op.drop_text_index("ft_run_owner_name", "run_owner", "name", language="english")\n',
]


def broken(steps: list[str], place: int) -> str:
    return "".join([*steps[:place], BROKEN, *steps[place:]])


def indexes(project: Project) -> set[str]:
    dialect = project.db.dialect()
    with project.db.engine.connect() as connection:
        return set(dialect.text_indexes(connection, "run_owner"))


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_step_that_failed_is_gone_on_with(project: Project, engine_name: str, place: int) -> None:
    up, down = "".join(UP), "".join(DOWN)
    project.revision("b", "a", broken(UP, place), down)
    with pytest.raises(DBAPIError):
        project.run("upgrade", "head")
    kept = 0 if engine_name in {"sqlite", "postgresql"} else (place + 1) // 2
    assert len(indexes(project)) == kept
    project.revision("b", "a", up, down)
    project.run("upgrade", "head")
    assert indexes(project) == {"ft_run_owner_name", "ft_run_owner_about"}
    project.revision("b", "a", up, broken(DOWN, place))
    with pytest.raises(DBAPIError):
        project.run("downgrade", "a")
    project.revision("b", "a", up, down)
    project.run("downgrade", "a")
    assert indexes(project) == set()
    assert {name: columns for name, (columns, _) in project.schema().items()} == {
        name: columns for name, (columns, _) in BEFORE.items()
    }
