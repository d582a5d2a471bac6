"""Runs the Python blocks of one page of the documentation, in order, in one namespace.

In an empty folder, because a page makes its databases where it stands::

    python -m tests.docs.run_page docs/tutorial.md            fails when it shows something else
    python -m tests.docs.run_page docs/tutorial.md --renew    writes what is printed into the page

A comment ``<!-- setup ... -->`` is Python that the reader does not see. A ``sql`` or ``text``
block shows what the Python block before it printed, word for word; ``...`` stands for anything.
A block that prints must be followed by one. Blocks in other languages are left alone.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from textwrap import dedent
from types import ModuleType

_OPENING = re.compile(r"^ *(?P<fence>```+|<!-- setup$)(?P<language>[\w-]*)")
_OUTPUT = {"sql", "text"}


class Wrong(Exception):
    """The page is not true, and where."""


@dataclass(frozen=True)
class Block:
    """A fenced block or a hidden setup; `line` is that of its first line of code."""

    line: int
    language: str
    code: str


def blocks(page: str) -> Iterator[Block]:
    """The fenced blocks and hidden setups of a page, in order."""
    lines = enumerate(page.splitlines(), start=1)
    for number, line in lines:
        opening = _OPENING.match(line)
        if opening is None:
            continue
        fence, language = opening["fence"], opening["language"]
        closing = fence if fence.startswith("`") else "-->"
        code: list[str] = []
        for _, inner in lines:
            if inner.strip() == closing:
                break
            code.append(inner)
        else:
            raise Wrong(f"line {number}: the block never ends")
        yield Block(number + 1, language if closing == fence else "python", dedent("\n".join(code)))


def prose(page: str) -> str:
    """The page without its blocks, with as many lines."""
    lines = page.splitlines()
    for block in blocks(page):
        size = block.code.count("\n") + 1 if block.code else 0
        lines[block.line - 1 : block.line - 1 + size] = [""] * size
    return "\n".join(lines)


def matches(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed; ``...`` stands for anything."""
    parts = (re.escape(part) for part in _trimmed(shown).split("..."))
    return re.fullmatch(".*?".join(parts), _trimmed(printed), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def run(path: Path) -> list[tuple[Block, str]]:
    """Execute one page here; the output blocks that show something else, with what was printed.

    Raises:
        Wrong: a block prints and no output block follows it.
    """
    module = sys.modules["page"] = ModuleType("page")
    printed, different = "", list[tuple[Block, str]]()
    for block in blocks(path.read_text(encoding="utf-8")):
        if block.language in _OUTPUT:
            if not matches(block.code, printed):
                different.append((block, printed))
            printed = ""
        elif block.language == "python":
            _all_shown(path, printed)
            printed = _printed_by(block, path, module)
    _all_shown(path, printed)
    return different


def check(path: Path) -> None:
    """Execute one page here.

    Raises:
        Wrong: it shows something else than its code prints.
    """
    for block, printed in run(path):
        raise Wrong(f"{path}:{block.line}: the page shows\n{block.code}\n\nnot\n{printed}")


def renew(path: Path) -> None:
    """Execute one page here, and let it show what its code prints.

    Raises:
        Wrong: a block prints and no output block follows it.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    for block, printed in reversed(run(path)):
        size = block.code.count("\n") + 1 if block.code else 0
        lines[block.line - 1 : block.line - 1 + size] = _trimmed(printed).splitlines()
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def _all_shown(path: Path, printed: str) -> None:
    if printed:
        raise Wrong(f"{path}: nothing shows what was printed:\n{printed}")


def _printed_by(block: Block, path: Path, module: ModuleType) -> str:
    code = "\n" * (block.line - 1) + block.code
    with redirect_stdout(StringIO()) as output:
        exec(compile(code, str(path), "exec"), vars(module))  # noqa: S102  # the project's own
    return output.getvalue()


def main() -> None:
    from agentorm import AgentORMWarning

    warnings.simplefilter("error")
    warnings.simplefilter("default", AgentORMWarning)
    act = renew if "--renew" in sys.argv else check
    try:
        act(Path(sys.argv[1]))
    except Wrong as wrong:
        sys.exit(str(wrong))


if __name__ == "__main__":
    main()
