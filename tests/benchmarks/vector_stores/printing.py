"""The report as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np

from tests.benchmarks.index_recall.printing import MEBIBYTE, Row, aligned, piped, titled
from tests.benchmarks.price.spread import spread
from tests.benchmarks.vector_stores.budgets import judged, judged_rows
from tests.benchmarks.vector_stores.course import MANY, K
from tests.benchmarks.vector_stores.given import BUCKETS, SHARES
from tests.benchmarks.vector_stores.results import Built, Inserted, Report, Searched
from tests.benchmarks.vector_stores.threads import COUNTS

_BUDGETS = ("what", "budget", "measured", "reached")
_SEARCHED = ("contender", "rows come", "p50 ms", "quartiles", "p99 ms", "searches")
_BUILT = (
    "contender", "rows written", "searchable after", "reopened in", "memory", "after reopening",
    "files in memory", "disk",
)  # fmt: skip
_INSERTED = ("contender", "search p50 ms", "p99 ms", "insert p50 ms", "inserts/s", "found at once")
Section = tuple[str, Sequence[Row]]


def as_text(report: Report) -> str:
    """Tables for a terminal."""
    parts = [*told(report)]
    for title, rows in sections(report):
        parts += ["", f"{title}:", *aligned(rows)]
    return "\n".join(parts)


def as_markdown(report: Report, plots: Sequence[str] = ()) -> str:
    """Tables for the documentation, with the plots behind the budgets."""
    parts = [f"- {line}" for line in told(report)]
    (title, rows), *others = sections(report)
    parts += ["", f"### {title}", "", *piped(rows)]
    for plot in plots:
        parts += ["", plot]
    for title, rows in others:
        parts += ["", f"### {title}", "", *piped(rows)]
    return "\n".join(parts)


def told(report: Report) -> Iterator[str]:
    """Where, with what, and who is absent."""
    yield from report.header
    for rows, lines in report.sizes.items():
        yield f"{rows:,} rows: {'; '.join(lines)}"
    settings = {one.contender: one.setting for one in report.built if one.setting}
    for name, setting in settings.items():
        yield f"{name}: {setting}"
    for name, reason in {one.contender: one.reason for one in report.absent}.items():
        yield f"{name} is left out, {reason}"


def sections(report: Report) -> Iterator[Section]:
    """The budgets, then all that was measured for each number of rows."""
    rows = judged_rows(report)
    if rows is not None:
        told = [(one.what, one.limit, one.measured, one.verdict) for one in judged(report)]
        yield f"Budgets, at {rows:,} rows", [_BUDGETS, *told]
    for rows in report.sizes:
        built = [one for one in report.built if one.rows == rows]
        if built:
            yield f"{rows:,} rows: building", [_BUILT, *map(_built, built)]
        yield from _questions(rows, [one for one in report.searched if one.rows == rows])
        yield from _threaded(report, rows)
        inserted = [one for one in report.inserted if one.rows == rows]
        if inserted:
            yield (
                f"{rows:,} rows: searches while rows are inserted",
                [
                    _INSERTED,
                    *map(_inserted, inserted),
                ],
            )


def _questions(rows: int, searched: Sequence[Searched]) -> Iterator[Section]:
    asked = [(K, 1.0), (MANY, 1.0), *((K, buckets / BUCKETS) for buckets in SHARES[1:])]
    for k, share in asked:
        found = [one for one in searched if (one.k, one.share) == (k, share)]
        if found:
            head = (*_SEARCHED[:2], f"recall@{k}", "too few", *_SEARCHED[2:])
            title = f"{rows:,} rows: the {k} nearest, {titled(share)}"
            yield title, [head, *map(_searched, sorted(found, key=_p50))]


def _p50(one: Searched) -> float:
    return median(one.seconds)


def _searched(one: Searched) -> Row:
    time = spread([each * 1e3 for each in one.seconds])
    return (
        one.label, "yes" if one.gives_rows else "no", f"{one.recall:.4f}", str(one.fewer),
        f"{time.median:.3f}", f"{time.low:.3f} to {time.high:.3f}",
        f"{np.percentile(one.seconds, 99) * 1e3:.2f}", str(len(one.seconds)),
    )  # fmt: skip


def _built(one: Built) -> Row:
    return (
        one.contender, _seconds(one.write), _seconds(one.build), _seconds(one.reopen),
        _size(one.own), _size(one.own_reopened), _size(one.mapped), _size(one.disk),
    )  # fmt: skip


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / MEBIBYTE:.0f} MiB"


def _threaded(report: Report, rows: int) -> Iterator[Section]:
    by: dict[str, dict[int, str]] = {}
    for one in report.threaded:
        if one.rows == rows:
            found = spread(one.per_second)
            told = f"{found.median:.0f} ({found.low:.0f} to {found.high:.0f})"
            by.setdefault(one.contender, {})[one.threads] = told
    if by:
        head = ("contender", *(f"{count} thread{'s' * (count > 1)}" for count in COUNTS))
        lines = [(name, *(each.get(count, "") for count in COUNTS)) for name, each in by.items()]
        yield f"{rows:,} rows: searches per second", [head, *lines]


def _inserted(one: Inserted) -> Row:
    searches, inserts = (np.array(each) * 1e3 for each in (one.searches, one.inserts))
    return (
        one.contender, f"{np.median(searches):.3f}", f"{np.percentile(searches, 99):.2f}",
        f"{np.median(inserts):.3f}" if len(inserts) else "",
        f"{len(inserts) / one.elapsed:.0f}", "" if one.fresh is None else f"{one.fresh:.0%}",
    )  # fmt: skip
