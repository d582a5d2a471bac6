"""What the layout promises: who imports whom, where an engine is named, how long a piece may be."""

from __future__ import annotations

import ast
import inspect
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.untraced
PACKAGE = sorted((ROOT / "agentorm").rglob("*.py"))
PYTHON = [*PACKAGE, *sorted((ROOT / "tests").rglob("*.py"))]

FUNCTION_LINES, FILE_LINES = 60, 400
RUNS_SQL = {"text", "execute", "exec_driver_sql"}
PROMISED = {"Database", "Entity", "Field", "HNSW", "Vector"} | {
    "json_field",
    "repository",
    "vector_field",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, Function))


def last_name(node: ast.expr) -> str:
    """`c` of `a.b.c`, `f` of `f`."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_imports_go_downward_only() -> None:
    check = "from importlinter.cli import lint_imports as f; exit(f(no_cache=True, no_logo=True))"
    ran = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def our_dialects(function: Function) -> set[str]:
    """The local names that hold a dialect of ours, which may say its name in a message."""
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    annotated = {a.arg for a in arguments if a.annotation and last_name(a.annotation) == "Dialect"}
    assigned = {
        last_name(target)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if ast.unparse(node.value.func) in {"dialects.of", "dialects.declared"}
    }
    return annotated | assigned


def asks_which_engine(function: Function) -> bool:
    ours, nodes = our_dialects(function), list(ast.walk(function))
    compared = {
        part
        for node in nodes
        if isinstance(node, ast.Compare | ast.Match)
        for part in ast.walk(node.subject if isinstance(node, ast.Match) else node)
    }
    for node in nodes:
        if isinstance(node, ast.Constant) and node.value == "is_mariadb":
            return True
        if not isinstance(node, ast.Attribute):
            continue
        if node.attr == "is_mariadb":
            return True
        of_dialect = node.attr == "name" and last_name(node.value).lower().endswith("dialect")
        if of_dialect and (node in compared or last_name(node.value) not in ours):
            return True
    return False


def test_one_function_asks_sqlalchemy_which_engine_it_speaks_to() -> None:
    asking = [(name_of(p), f.name) for p in PACKAGE for f in functions(p) if asks_which_engine(f)]
    assert asking == [("agentorm/dialects/__init__.py", "of")]


@pytest.mark.parametrize(
    ("code", "asks"),
    [
        ("def f(c): return c.dialect.name", True),
        ("def f(d): return getattr(d, 'is_mariadb', False)", True),
        ("def f(d): return d.is_mariadb", True),
        ("def f(dialect: SQLAlchemyDialect): return dialect.name", True),
        ("def f(dialect: Dialect): return dialect.name == 'sqlite'", True),
        ("def f(dialect: Dialect):\n match dialect.name:\n  case 'sqlite': pass", True),
        ("def f(dialect: Dialect): return f'{dialect.name} cannot'", False),
        ("def f(c):\n dialect = dialects.of(c)\n return dialect.name", False),
        ("def f(metric): return metric.name", False),
    ],
)
def test_the_scan_for_engine_names_sees(code: str, *, asks: bool) -> None:
    function = ast.parse(code).body[0]
    assert isinstance(function, Function)
    assert asks_which_engine(function) is asks


def formats(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.FormattedValue) for part in node.values)
    if isinstance(node, ast.Call):
        return last_name(node.func) == "format" and isinstance(node.func, ast.Attribute)
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mod | ast.Add):
        return False
    return any(
        isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and is_text(part.value))
        for part in ast.walk(node)
    )


def is_text(value: object) -> bool:
    return isinstance(value, str | bytes)


def formatted_sql(tree: ast.AST) -> list[int]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [c.lineno for c in calls if last_name(c.func) in RUNS_SQL and any(map(formats, c.args))]


def test_no_sql_is_made_by_formatting() -> None:
    found = [f"{name_of(p)}:{line}" for p in PACKAGE for line in formatted_sql(tree(p))]
    assert found == []


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("text(f'SELECT {x}')", [1]),
        ("connection.execute('SELECT %s' % x)", [1]),
        ("c.exec_driver_sql('SELECT {}'.format(x))", [1]),
        ("c.execute(\n text('SELECT ' + x))", [2]),
        ("c.execute(text('SELECT 1'), {'x': f'{x}'})", []),
        ("c.execute(f'SELECT 1')", []),
        ("print(f'{x}')", []),
    ],
)
def test_the_scan_for_formatted_sql_sees(code: str, lines: list[int]) -> None:
    assert formatted_sql(ast.parse(code)) == lines


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{name_of(path)}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in PYTHON
        for function in functions(path)
    }
    assert {name: n for name, n in lengths.items() if n > FUNCTION_LINES} == {}


def test_no_file_is_too_long() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in PYTHON}
    assert {name: n for name, n in lengths.items() if n > FILE_LINES} == {}


def test_the_folder_alembic_does_not_shadow_the_package() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_every_public_module_says_what_it_is() -> None:
    public = [p for p in PACKAGE if not p.stem.startswith("_") or p.stem == "__init__"]
    assert [name_of(p) for p in public if not ast.get_docstring(tree(p))] == []


def sorting(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as ruff sorts `__all__`."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def test_the_public_names_are_sorted_and_complete() -> None:
    import agentorm

    names = [name for name in agentorm.__all__ if name != "__version__"]
    there = {
        name
        for name, value in vars(agentorm).items()
        if not name.startswith("_") and name != "annotations" and not isinstance(value, ModuleType)
    }
    assert names == sorted(set(names), key=sorting)
    assert there - set(names) == set()
    assert PROMISED - set(names) == set()
    assert [name for name in names if not hasattr(agentorm, name)] == []


def our_public_names() -> dict[str, type | FunctionType]:
    import agentorm

    public = {name: getattr(agentorm, name) for name in agentorm.__all__}
    return {
        name: value
        for name, value in public.items()
        if isinstance(value, type | FunctionType) and value.__module__.split(".")[0] == "agentorm"
    }


def test_every_public_name_has_a_docstring_of_its_own() -> None:
    ours = our_public_names()
    assert "Database" in ours
    assert [name for name, value in ours.items() if not is_described(value)] == []


def test_every_public_method_has_a_docstring_or_overrides_one_that_has() -> None:
    methods = {
        f"{name}.{member}": inspect.getdoc(getattr(value, member))
        for name, value in our_public_names().items()
        for member, defined in vars(value).items()
        if isinstance(defined, FunctionType | classmethod | staticmethod | property)
        and not member.startswith("_")
    }
    assert "Database.dispose" in methods
    assert [name for name, doc in methods.items() if not doc] == []


def is_described(value: type | FunctionType) -> bool:
    written = vars(value).get("__doc__", value.__doc__) or ""
    return bool(written) and not written.startswith(f"{value.__name__}(")  # as dataclasses make up


def project_texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        raw = path.read_bytes() if path.is_file() else b""
        if b"\0" not in raw:
            yield name, raw.decode(errors="replace")


@pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="not a git checkout"
)
def test_no_text_names_the_machine_it_was_written_on() -> None:
    texts = dict(project_texts())
    assert "pyproject.toml" in texts
    machine = [f"/{folder}" for folder in ("work/", "root/", "tmp/v")]
    found = [(name, place) for name, text in texts.items() for place in machine if place in text]
    assert found == []
