"""Optional packages that are not installed: agentorm still imports, and says what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]

BLOCK = """
    import sys

    class Block:
        def find_spec(self, name, path=None, target=None):
            if name.split(".")[0] in blocked:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    blocked = set(sys.argv[1].split(","))
    sys.meta_path.insert(0, Block())
"""


def run(script: str, blocked: str, *arguments: str) -> str:
    """What the script prints in a process where these packages cannot be imported."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(BLOCK) + dedent(script), blocked, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_driver_of_postgresql_is_not_installed() -> None:
    told = run(
        """
        from agentorm import Database, MissingDependency
        try:
            Database("postgresql://user:secret@host/x")
        except MissingDependency as error:
            print(error, error.package, error.extra, "secret" in str(error), sep="|")
        """,
        "psycopg,psycopg2",
    )
    expected = "'psycopg' is not installed; pip install 'agentorm[postgresql]'"
    assert told == f"{expected}|psycopg|agentorm[postgresql]|False\n"


def test_sqlite_needs_no_driver_and_no_postgresql(tmp_path: Path) -> None:
    told = run(
        """
        from agentorm import Database, repository
        from tests.contract.models import Author, Doc
        with Database(f"sqlite:///{sys.argv[2]}/docs.db") as db:
            db.create_all(Author, Doc)
            repository(Doc, db).add(Doc(title="a", embedding=[1, 0, 0]))
            print(repository(Doc, db).similar_to([1, 0, 0]).one().title)
            print("SELECT" in repository(Doc).sql("sqlite"))
        """,
        "psycopg,psycopg2,pymysql,aiosqlite,greenlet,rich,fastapi,hypothesis",
        str(tmp_path),
    )
    assert told == "a\nTrue\n"


def test_sqlite_ranks_without_sqlite_vec_and_says_so(tmp_path: Path) -> None:
    told = run(
        """
        import warnings
        from agentorm import Database, SlowPath, repository
        from tests.contract.models import Author, Doc
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            with Database(f"sqlite:///{sys.argv[2]}/docs.db") as db:
                db.create_all(Author, Doc)
                docs = repository(Doc, db)
                docs.add(Doc(title="a", embedding=[1, 0, 0]))
                docs.add(Doc(title="b", embedding=[1, 1, 0]))
                for metric in ("cosine", "l2", "l1", "inner_product"):
                    hits = docs.similar_to([1, 0, 0], metric=metric).hits()
                    print(metric, [(hit.entity.title, round(hit.distance, 4)) for hit in hits])
        print([one.category.__name__ for one in seen])
        """,
        "sqlite_vec,sqlean,pysqlite3",
        str(tmp_path),
    )
    assert told.splitlines() == [
        "cosine [('a', 0.0), ('b', 0.2929)]",
        "l2 [('a', 0.0), ('b', 1.0)]",
        "l1 [('a', 0.0), ('b', 1.0)]",
        "inner_product [('a', -1.0), ('b', -1.0)]",
        "['SlowPath']",
    ]
