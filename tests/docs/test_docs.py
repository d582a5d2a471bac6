"""The documentation is true: its code runs, its output is what is printed, its links lead on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

import agentorm
from tests.docs.page_server import Pages, serving
from tests.docs.run_page import Block, Wrong, blocks, check, matches, prose, renew
from tests.engines import Fresh

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}

ENGINE = re.compile(r"---\nengine: ([a-z]+)\n---\n")
WITH_CODE = [name for name, text in TEXTS.items() if "```python" in text]
ENGINE_OF = {name: on[1] for name in WITH_CODE if (on := ENGINE.match(TEXTS[name]))}
SHOWS_SQLITE = [
    "docs/engines/sqlite.md",
    "docs/guides/embedded-index.md",
    "docs/guides/errors.md",
    "docs/guides/existing-project.md",
    "docs/guides/explain.md",
    "docs/guides/full-text.md",
    "docs/guides/testing.md",
    "docs/guides/tracing.md",
    "docs/reference/urls.md",
]
COMPUTES_DISTANCES_IN_SQL = [
    "docs/explanation/queries.md",
    "docs/guides/declarative.md",
    "docs/guides/several-vectors.md",
]
SAME_EVERYWHERE = [
    n for n in WITH_CODE if n not in {*ENGINE_OF, *SHOWS_SQLITE, *COMPUTES_DISTANCES_IN_SQL}
]
FILE_URL = re.compile(r"sqlite:///\w+\.db")

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s#]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ +(.*?)(?: *\{[^}]*\})? *$", re.MULTILINE)
EXTRA = re.compile(r"(?:agentorm|\.)\[([a-z,-]+)\]")
SLOW = "default::agentorm.SlowPath"
MODULE = re.compile(r"^::: +(\S+)$", re.MULTILINE)


@pytest.fixture(scope="session")
def pages() -> Iterator[Pages]:
    with serving() as pages:
        yield pages


@pytest.mark.parametrize("name", SAME_EVERYWHERE)
def test_a_page_prints_what_it_shows_on_every_engine(
    name: str, url: str, tmp_path: Path, pages: Pages
) -> None:
    run_page_on(url, name, tmp_path, pages)


@pytest.mark.engines("sqlite", "postgresql", "mariadb")
@pytest.mark.parametrize("name", COMPUTES_DISTANCES_IN_SQL)
def test_a_page_with_distances_in_sql_prints_what_it_shows_where_they_are(
    name: str, url: str, tmp_path: Path, pages: Pages
) -> None:
    run_page_on(url, name, tmp_path, pages)


def run_page_on(url: str, name: str, folder: Path, pages: Pages) -> None:
    page = folder / "page.md"
    page.write_text(FILE_URL.sub(without_driver(url), TEXTS[name]), encoding="utf-8")
    pages.run(page, folder)


def without_driver(url: str) -> str:
    """A URL that a `Database` and an `AsyncDatabase` take alike."""
    given = make_url(url)
    return given.set(drivername=given.get_backend_name()).render_as_string(hide_password=False)


@pytest.mark.parametrize("name", SHOWS_SQLITE)
def test_a_page_that_shows_sqlite_prints_what_it_shows(
    name: str, tmp_path: Path, pages: Pages
) -> None:
    pages.run(ROOT / name, tmp_path)


def test_the_tests_that_a_page_shows_pass_with_pytest(url: str, tmp_path: Path) -> None:
    shown = [b.code for b in blocks(TEXTS["docs/guides/testing.md"]) if b.language == "python"]
    code = "\n".join(part for part in shown if "setup.db" not in part and "folder" not in part)
    (tmp_path / "test_page.py").write_text(code, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-W", SLOW, "test_page.py"],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTEST_ADDOPTS": "",
            "PYTHONPATH": str(ROOT),
            "TEST_DATABASE_URL": without_driver(url),
        },
        check=False,
        capture_output=True,
        text=True,
    )
    assert "5 passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.engines("postgresql", "mariadb", "mysql")
def test_the_pages_of_an_engine_print_what_they_show(
    engine_name: str, sandbox: Callable[[str], Fresh], tmp_path: Path, pages: Pages
) -> None:
    names = [name for name, engine in ENGINE_OF.items() if engine == engine_name]
    assert f"docs/engines/{engine_name}.md" in names
    for name in names:
        pages.run(ROOT / name, tmp_path, AGENTORM_URL=sandbox(engine_name)(tmp_path))


def test_a_page_of_an_engine_names_one_that_the_tests_have() -> None:
    assert set(ENGINE_OF.values()) == {"postgresql", "mariadb", "mysql"}


def test_the_support_matrix_is_the_one_that_the_dialects_declare() -> None:
    command = [sys.executable, "docs/make_matrix.py", "--check"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


def anchors(text: str) -> set[str]:
    """The fragments of a page's headings, as Python-Markdown and GitHub both make them."""
    plain = (re.sub(r"[^\w\s-]", "", heading).strip() for heading in HEADING.findall(prose(text)))
    return {re.sub(r"[\s-]+", "-", heading).lower() for heading in plain}


@pytest.mark.parametrize("name", TEXTS)
def test_every_internal_link_leads_somewhere(name: str) -> None:
    broken: list[str] = []
    for target, fragment in LINK.findall(prose(TEXTS[name])):
        path = (ROOT / name).parent / target if target else ROOT / name
        if not path.exists():
            broken.append(target)
        elif fragment and fragment not in anchors(path.read_text(encoding="utf-8")):
            broken.append(f"{target}#{fragment}")
    assert broken == []


def test_every_extra_that_is_named_exists() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {group for text in TEXTS.values() for group in EXTRA.findall(text)}
    named = {extra for group in groups for extra in group.split(",")}
    assert named
    assert named - set(declared["optional-dependencies"]) == set()


def test_every_module_with_a_public_name_has_its_reference() -> None:
    public = [getattr(agentorm, name) for name in agentorm.__all__]
    modules = {str(getattr(value, "__module__", "")) for value in public}
    ours = {module for module in modules if module.startswith("agentorm.")}
    described = {module for text in TEXTS.values() for module in MODULE.findall(text)}
    assert "agentorm.database" in ours
    assert {m for m in ours if not any(f"{m}.".startswith(f"{d}.") for d in described)} == set()


PAGE = """
<!-- setup
x = 2
-->

```python
print(x)
```

```text
2
```
"""


def test_a_page_is_read_into_blocks() -> None:
    assert list(blocks(PAGE)) == [
        Block(3, "python", "x = 2"),
        Block(7, "python", "print(x)"),
        Block(11, "text", "2"),
    ]
    assert prose("# A\n```text\n# B\n```") == "# A\n```text\n\n```"
    with pytest.raises(Wrong, match="line 1: the block never ends"):
        list(blocks("```python\n1"))


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb", "a  \nb\n", True),
        ("a\nb", "a b", False),
        ("a ... d", "a b\nc d", True),
        ("a ... d", "a b c", False),
        ("[.]", "[x]", False),
    ],
)
def test_shown_output_is_compared_literally(shown: str, printed: str, *, same: bool) -> None:
    assert matches(shown, printed) is same


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (PAGE.replace("x = 2", "x = 3"), "the page shows\n2\n\nnot\n3"),
        (PAGE.replace("```text\n2\n```", ""), "nothing shows what was printed"),
        (PAGE.replace("print(x)", "x"), "the page shows"),
    ],
)
def test_a_page_that_is_not_true_is_refused(page: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(page, encoding="utf-8")
    with pytest.raises(Wrong, match=complaint):
        check(path)


def test_the_output_of_a_page_can_be_renewed(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(PAGE.replace("x = 2", "x = 'a\\nb'"), encoding="utf-8")
    renew(path)
    assert path.read_text(encoding="utf-8").endswith("```text\na\nb\n```\n")
    check(path)
