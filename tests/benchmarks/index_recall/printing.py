"""The report as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.benchmarks.index_recall.measuring import SHARES, Measured
from tests.benchmarks.index_recall.models import BUCKETS
from tests.benchmarks.index_recall.results import Built, Report

NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB", "mysql": "MySQL"}
MEBIBYTE = 1 << 20
_BUILT = ("engine", "index", "rows", "rows written in", "index built in", "index size")
_MEASURED = (
    "engine", "index", "setting", "recall@10", "p50 ms", "p95 ms", "wall s",
    "queries", "rows", "exact",
)  # fmt: skip
Row = Sequence[str]


def as_text(report: Report) -> str:
    """Tables for a terminal."""
    parts = [*_told(report), "", *aligned([_BUILT, *map(_built, report.built)])]
    for title, cells in sections(report):
        parts += ["", f"{title}:", *aligned([_MEASURED, *map(_measured, cells)])]
    return "\n".join(parts)


def as_markdown(report: Report) -> str:
    """Tables for the documentation."""
    parts = [*(f"- {line}" for line in _told(report)), ""]
    parts += piped([_BUILT, *map(_built, report.built)])
    for title, cells in sections(report):
        parts += ["", f"### {title[0].upper()}{title[1:]}", ""]
        parts += piped([_MEASURED, *map(_measured, cells)])
    return "\n".join(parts)


def sections(report: Report) -> Iterable[tuple[str, list[Measured]]]:
    """What was measured, by filter."""
    for indexed in (False, True):
        for buckets in SHARES:
            share = buckets / BUCKETS
            cells = [
                one
                for one in report.measured
                if one.share == share and one.filter_indexed is indexed
            ]
            if cells:
                yield titled(share, indexed=indexed), cells


def titled(share: float, *, indexed: bool = False) -> str:
    if share == 1:
        return "no filter"
    return f"a filter that {share * 100:g} % pass" + ", on an indexed column" * indexed


def _told(report: Report) -> list[str]:
    return [
        *report.header,
        *(f"{NAMES[engine]}: {'; '.join(lines)}" for engine, lines in report.engines.items()),
    ]


def _built(built: Built) -> Row:
    size = "" if built.index_bytes is None else f"{built.index_bytes / MEBIBYTE:.0f} MiB"
    grows = built.index_seconds is None and built.index != "none"
    seconds = "with the rows" if grows else _seconds(built.index_seconds)
    return (
        NAMES[built.engine], built.index, str(built.rows), _seconds(built.load_seconds),
        seconds, size,
    )  # fmt: skip


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.0f} s"


def _measured(one: Measured) -> Row:
    return (
        NAMES[one.engine], one.index, one.setting, f"{one.recall:.3f}", f"{one.p50:.2f}",
        f"{one.p95:.2f}", f"{one.wall:.1f}", str(one.queries), str(one.rows), f"{one.exact:.0%}",
    )  # fmt: skip


def aligned(rows: Sequence[Row]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def piped(rows: Sequence[Row]) -> list[str]:
    head, *rest = (f"| {' | '.join(row)} |" for row in rows)
    return [head, "|" + " --- |" * len(rows[0]), *rest]
