"""What the index in the process may cost, and whether it keeps to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tests.benchmarks.price.spread import ratios
from tests.benchmarks.vector_stores.contenders.ours import OURS, OWN, PREPARED, RANKING, WITH_FAISS
from tests.benchmarks.vector_stores.course import K
from tests.benchmarks.vector_stores.given import BUCKETS, DIMENSION, SHARES
from tests.benchmarks.vector_stores.results import Built, Report, Searched
from tests.benchmarks.vector_stores.threads import COUNTS

RANKING_MS, ENTITIES_MS, FILTERED_MS = 0.7, 0.9, 1.5
RECALL, BUILD_SECONDS, MEMORY, FALLING = 0.99, 2.0, 1.2, 0.95
AS_MANY = 0.002
"""A recall that is less by no more than this is as high."""
_MEANT = 100_000


@dataclass(frozen=True)
class Judged:
    """A budget and what was measured.

    Attributes:
        reached: None where it was not measured.
    """

    what: str
    limit: str
    measured: str
    reached: bool | None

    @property
    def verdict(self) -> str:
        """As the report says it."""
        return {None: "not measured", True: "yes", False: "no"}[self.reached]


def judged_rows(report: Report) -> int | None:
    """The number of rows that is judged: the one that is nearest to what the budgets mean."""
    return min(report.sizes, key=lambda rows: abs(rows - _MEANT), default=None)


def judged(report: Report) -> list[Judged]:
    """Every budget."""
    rows = judged_rows(report)
    if rows is None:
        return []
    found = _Found(report, rows)
    return [*_speed(found), *_cost(found), *_filters(found), *_threads(found), *_peers(found)]


class _Found:
    """What was measured with so many rows."""

    def __init__(self, report: Report, rows: int) -> None:
        self.rows = rows
        self.searched = [one for one in report.searched if one.rows == rows]
        self.built = {one.contender: one for one in report.built if one.rows == rows}
        self.threaded = [one for one in report.threaded if one.rows == rows]

    def of(self, name: str, way: str = "", k: int = K, share: float = 1.0) -> Searched | None:
        """Of one contender, as it is usually tuned."""
        wanted = name, way, k, share, False
        return next((one for one in self.searched if _key(one) == wanted), None)


def _key(one: Searched) -> tuple[str, str, int, float, bool]:
    return one.contender, one.way, one.k, one.share, one.tuned


def p50(one: Searched) -> float:
    """Milliseconds."""
    return median(one.seconds) * 1e3


def _at_most(what: str, limit: float, unit: str, value: float | None) -> Judged:
    told = "" if value is None else f"{value:.3g} {unit}".strip()
    reached = None if value is None else value <= limit
    return Judged(what, f"≤ {limit:g} {unit}".strip(), told, reached)


def _at_least(what: str, limit: float, value: float | None) -> Judged:
    told = "" if value is None else f"{value:.4f}"
    return Judged(what, f"≥ {limit:g}", told, None if value is None else value >= limit)


def _if_any(one: Searched | None, of: Callable[[Searched], float]) -> float | None:
    return None if one is None else of(one)


def _speed(found: _Found) -> Iterator[Judged]:
    ranking, entities = found.of(OURS, RANKING), found.of(OURS)
    yield _at_most("ranking, p50", RANKING_MS, "ms", _if_any(ranking, p50))
    yield _at_most("with entities, p50", ENTITIES_MS, "ms", _if_any(entities, p50))
    prepared = found.of(OURS, PREPARED)
    yield _at_most("with entities, prepared, p50", ENTITIES_MS, "ms", _if_any(prepared, p50))
    yield _at_least("recall@10", RECALL, _if_any(entities, lambda one: one.recall))
    with_faiss = found.of(WITH_FAISS)
    if entities is not None and with_faiss is not None:
        title = f"{WITH_FAISS}, with entities, p50"
        yield _at_most(title, round(p50(entities), 3), "ms", p50(with_faiss))


def _cost(found: _Found) -> Iterator[Judged]:
    built = found.built.get(OURS)
    yield _at_most("build", BUILD_SECONDS, "s", None if built is None else built.build)
    title = "memory, that of the float32 vectors being 1"
    yield _at_most(title, MEMORY, "", None if built is None else _memory(built))


def _memory(built: Built) -> float | None:
    held = [own for own in (built.own, built.own_reopened) if own is not None]
    return max(held) / (built.rows * DIMENSION * 4) if held else None


def _filters(found: _Found) -> Iterator[Judged]:
    for share in (buckets / BUCKETS for buckets in SHARES[1:]):
        one, title = found.of(OURS, share=share), f"{share * 100:g} % pass"
        yield _at_most(f"{title}, p50", FILTERED_MS, "ms", _if_any(one, p50))
        yield _at_least(f"{title}, recall@10", RECALL, _if_any(one, lambda one: one.recall))
        fewer = _if_any(one, lambda one: one.fewer)
        yield _at_most(f"{title}, answers with too few rows", 0, "", fewer)


def _threads(found: _Found) -> Iterator[Judged]:
    by = {one.threads: median(one.per_second) for one in found.threaded if one.contender == OURS}
    for few, many in pairwise(COUNTS):
        title = f"searches per second by {many} threads, by those of {few}"
        yield _at_least(title, FALLING, by[many] / by[few] if {few, many} <= {*by} else None)


def _peers(found: _Found) -> Iterator[Judged]:
    ours, others = found.of(OURS), [name for name in found.built if name not in OWN]
    beaten = [name for name in others if ours is not None and _is_better(found, name)]
    known = ours is not None and bool(others)
    yield Judged(
        "peers that are better in latency, recall, build and filtered recall at once",
        "none", ", ".join(beaten) or "none" * known, not beaten if known else None,
    )  # fmt: skip
    for is_store, kind in ((True, "stores"), (False, "indexes beside rows")):
        like = [one for one in found.searched if one.is_store == is_store]
        faster = [*_faster(ours, like)] if ours is not None else []
        yield Judged(
            f"{kind} that return rows sooner, with a recall as high",
            "none", "; ".join(faster) or "none" * known, not faster if known else None,
        )  # fmt: skip


def _is_better(found: _Found, name: str) -> bool:
    shares = [buckets / BUCKETS for buckets in SHARES]
    own, other = ([found.of(each, share=share) for share in shares] for each in (OURS, name))
    pairs = [(a, b) for a, b in zip(own, other, strict=True) if a is not None and b is not None]
    return (
        len(pairs) == len(shares)
        and p50(pairs[0][1]) < p50(pairs[0][0])
        and found.built[name].build < found.built[OURS].build
        and all(theirs.recall >= ours.recall for ours, theirs in pairs)
    )


def _faster(ours: Searched, others: Iterable[Searched]) -> Iterator[str]:
    """Who returns whole rows sooner, where that finds as many, however it is tuned."""
    for one in others:
        is_like = one.gives_rows and (one.k, one.share) == (ours.k, ours.share)
        if one.contender in OWN or not is_like or one.recall < ours.recall - AS_MANY:
            continue
        count = min(len(one.seconds), len(ours.seconds))
        ratio = ratios(one.seconds[:count], ours.seconds[:count]).median
        if ratio < 1:
            yield f"{one.label} ({ratio:.2f} x our time, recall {one.recall:.4f})"
