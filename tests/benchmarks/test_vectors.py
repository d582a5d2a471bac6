"""The benchmark beside vector stores: what it counts is right, and a small run of it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.vector_stores import command
from tests.benchmarks.vector_stores.budgets import judged
from tests.benchmarks.vector_stores.contenders.base import Way
from tests.benchmarks.vector_stores.contenders.ours import OURS
from tests.benchmarks.vector_stores.given import Ask, Floats, unit
from tests.benchmarks.vector_stores.made import made_queries, write_rows
from tests.benchmarks.vector_stores.measuring import Trial, measured, reaching, recall
from tests.benchmarks.vector_stores.plotting import draw
from tests.benchmarks.vector_stores.printing import as_markdown, as_text
from tests.benchmarks.vector_stores.results import Absent, Built, Report, Searched, Threaded
from tests.benchmarks.vector_stores.truth import Truth

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "benchmarks" / "vectors.py"
PEER, COLUMN = "a peer", "sqlite-vec, column"


def around(count: int) -> Floats:
    """Points on a circle, one a degree."""
    angles = np.radians(np.arange(count))
    return unit(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def built(contender: str, seconds: float) -> Built:
    return Built(1_000, contender, "", None, seconds, 0.1, 1_536_000, 1_843_200, 0, 2_000_000)


def searched(contender: str, *seconds: float, **more: Any) -> Searched:
    usual: dict[str, Any] = {
        "rows": 1_000,
        "way": "",
        "ef": None,
        "tuned": False,
        "is_store": True,
        "gives_rows": True,
        "k": 10,
        "share": 1.0,
        "recall": 0.995,
        "fewer": 0,
    }
    return Searched(contender=contender, seconds=seconds, **usual | more)


def reported(*found: Searched, builds: tuple[Built, ...] = ()) -> Report:
    return Report(
        header=("a machine",),
        sizes={1_000: ["20 queries"]},
        built=builds,
        searched=found,
        threaded=tuple(Threaded(1_000, OURS, n, (10.0 * n,)) for n in (1, 4, 16)),
        absent=(Absent(1_000, "chroma", "chromadb is not installed"),),
    )


def verdicts(report: Report) -> dict[str, str]:
    return {one.what: one.verdict for one in judged(report)}


def test_the_truth_is_what_is_nearest_and_passes() -> None:
    truth = Truth(around(360), around(1))
    assert truth.found(0, [0, 1, 359], k=3, buckets=1_000) == 3
    assert truth.found(0, [0, 2, 358], k=3, buckets=1_000) == 1
    assert truth.found(0, [0, 0, 1], k=3, buckets=1_000) == 2
    assert truth.found(0, [0, 1, 359], k=3, buckets=100) == 2
    assert truth.expected(10, buckets=1) == 1
    assert truth.expected(10, buckets=100) == 10


def test_rows_as_near_as_the_last_count() -> None:
    truth = Truth(around(360), around(1))
    assert truth.found(0, [0, 359], k=2, buckets=1_000) == 2
    assert truth.found(0, [0, 1], k=2, buckets=1_000) == 2


def test_everybody_answers_in_turn_and_the_slow_fewer_queries() -> None:
    order = list[str]()

    def way(name: str) -> Way:
        def search(ask: Ask) -> list[int]:
            order.append(name)
            return [ask.k]

        return Way(search, list[int])

    trials = {name: Trial(way(name), 10) for name in ("a", "b")}
    samples = measured(trials, around(60), seconds=60)
    assert {name: len(sample.seconds) for name, sample in samples.items()} == {"a": 60, "b": 60}
    turns = [order[start : start + 11] for start in range(0, len(order), 11)]
    assert all(len({*turn}) == 1 for turn in turns)
    assert [{turns[n][0], turns[n + 1][0]} for n in range(0, 12, 2)] == [{"a", "b"}] * 6
    assert len(measured(trials, around(60), seconds=0)["a"].seconds) == 20


def test_a_graph_is_tuned_to_another_s_recall() -> None:
    rows, queries = around(360), around(3)

    def search(ask: Ask) -> list[int]:
        return [*np.argsort(-(rows @ ask.query))[: min(ask.k, ask.ef or 0)]]

    trial, truth = Trial(Way(search, list[int]), 10), Truth(rows, queries)
    assert reaching(trial, (64, 2, 4, 8), truth, queries, wanted=0.75) == 8
    assert reaching(trial, (2, 4), truth, queries, wanted=0.75) is None
    assert recall(truth, trial, [[0, 1, 2, 3, 4]]) == 0.5


def test_made_vectors_are_about_as_far_away_as_neighbours(tmp_path: Path) -> None:
    rows = unit(np.random.default_rng(1).standard_normal((400, 8)))
    write_rows(tmp_path / "made.npy", rows, 1_000)
    found: Floats = np.load(tmp_path / "made.npy")
    assert found.shape == (1_000, 8)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    near = -np.sort(-(rows @ rows.T), axis=1)[:, 1:17].mean()
    made = (found * np.resize(rows, found.shape)).sum(axis=1).mean()
    assert abs(made - near) < 0.1
    assert made_queries(rows[:5], rows).shape == (5, 8)


def test_budgets_are_judged() -> None:
    shares = [
        searched(OURS, 1e-3, share=0.1),
        searched(OURS, 2e-3, share=0.01, recall=0.98, fewer=3),
        searched(OURS, 1e-3, share=0.001),
    ]
    own = [searched(OURS, 8e-4), searched(OURS, 8e-4, way="ranking only", gives_rows=False)]
    found = verdicts(reported(*own, *shares, builds=(built(OURS, 1.9),)))
    assert found["with entities, p50"] == "yes"
    assert found["ranking, p50"] == "no"
    assert found["with entities, prepared, p50"] == "not measured"
    assert found["build"] == "yes"
    assert found["memory, that of the float32 vectors being 1"] == "yes"
    assert found["10 % pass, p50"] == "yes"
    assert found["1 % pass, p50"] == "no"
    assert found["1 % pass, recall@10"] == "no"
    assert found["1 % pass, answers with too few rows"] == "no"
    assert found["searches per second by 4 threads, by those of 1"] == "yes"
    assert found["stores that return rows sooner, with a recall as high"] == "not measured"


def test_a_peer_is_better_only_in_all_at_once() -> None:
    better = "peers that are better in latency, recall, build and filtered recall at once"
    shares = (1.0, 0.1, 0.01, 0.001)
    own = [searched(OURS, 2e-3, share=share) for share in shares]
    peer = [searched(PEER, 1e-3, share=share) for share in shares]
    fast, slow = (built(OURS, 1), built(PEER, 0.5)), (built(OURS, 1), built(PEER, 20))
    assert verdicts(reported(*own, *peer, builds=fast))[better] == "no"
    assert verdicts(reported(*own, *peer, builds=slow))[better] == "yes"


def test_a_peer_is_ahead_where_it_finds_as_many_however_it_is_tuned() -> None:
    ahead = "stores that return rows sooner, with a recall as high"
    builds = (built(OURS, 1), built(PEER, 20))
    ours, less = searched(OURS, 2e-3, 2e-3), searched(PEER, 1e-3, recall=0.9)
    keys = searched(PEER, 1e-3, gives_rows=False)
    assert verdicts(reported(ours, less, keys, builds=builds))[ahead] == "yes"
    tuned = searched(PEER, 1e-3, 1e-3, ef=192, tuned=True)
    report = reported(ours, less, tuned, builds=builds)
    assert verdicts(report)[ahead] == "no"
    assert "a peer, ef=192 (0.50 x our time, recall 0.9950)" in as_text(report)
    by_hand = searched(PEER, 1e-3, 1e-3, is_store=False)
    found = verdicts(reported(ours, by_hand, builds=builds))
    assert found[ahead] == "yes"
    assert found["indexes beside rows that return rows sooner, with a recall as high"] == "no"


def test_a_report_tells_who_is_absent_and_is_read_again() -> None:
    report = reported(searched(OURS, 1e-3, 3e-3), builds=(built(OURS, 1.5),))
    assert Report.read(report.json()) == report
    assert report.over(report) == report
    told = as_markdown(report).splitlines()
    assert "- chroma is left out, chromadb is not installed" in told
    assert "### 1,000 rows: the 10 nearest, no filter" in told
    assert "| agentorm | yes | 0.9950 | 0 | 2.000 | 1.500 to 2.500 | 2.98 | 2 |" in told
    assert "| agentorm | 10 (10 to 10) | 40 (40 to 40) | 160 (160 to 160) |" in told


def test_plots_are_drawn_for_each_size(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", exc_type=ImportError)
    tuned = searched(PEER, 1e-3, tuned=True, ef=9)
    report = reported(searched(OURS, 1e-3), tuned, builds=(built(OURS, 1),))
    drawn = draw(report, tmp_path)
    assert [plot.name for plot in drawn] == ["vectors-1000.svg", "vectors-building-1000.svg"]
    assert "a filter that 10 % pass" in (tmp_path / drawn[0].name).read_text(encoding="utf-8")
    assert "seconds until searchable" in (tmp_path / drawn[1].name).read_text(encoding="utf-8")


@pytest.mark.untraced
def test_what_a_peer_has_built_serves_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTORM_BENCH_DATA", str(tmp_path))
    asked = ["--quick", "--rows", "1200", "--queries", "2", "--folder", str(tmp_path), "--keep"]
    assert command.run([*asked, "--contender", COLUMN], "") == 0
    known = tmp_path / "vectors-1200" / "built" / f"{COLUMN}.json"
    told: dict[str, Any] = json.loads(known.read_text(encoding="utf-8"))
    assert told["rows"] == 1_200
    known.write_text(json.dumps(told | {"build": 77.0}), encoding="utf-8")
    capsys.readouterr()
    assert command.run([*asked, "--contender", COLUMN], "") == 0
    assert " 77 s " in capsys.readouterr().out


@pytest.mark.untraced
def test_a_small_run_ends_and_can_be_reported_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.json"
    asked = ["--quick", "--rows", "1500", "--queries", "4", "--folder", str(tmp_path)]
    names = [part for name in (OURS, COLUMN) for part in ("--contender", name)]
    ran = subprocess.run(
        [sys.executable, SCRIPT, *asked, *names, "--json", str(file)],
        cwd=tmp_path,
        env=os.environ | {"AGENTORM_BENCH_DATA": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "no texts.npy: the 2,000 packages of the examples serve" in ran.stdout
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert {one["contender"] for one in found["built"]} == {OURS, COLUMN}
    usual = [one for one in found["searched"] if not one["way"]]
    asked_for = {(one["contender"], one["k"], one["share"]) for one in usual}
    assert asked_for >= {(OURS, 10, 1.0), (OURS, 100, 1.0), (COLUMN, 10, 0.001)}
    assert {one["recall"] for one in usual if one["contender"] == COLUMN} == {1.0}
    assert {one["fewer"] for one in usual} == {0}
    assert {one["fresh"] for one in found["inserted"]} == {1.0}
    assert [*tmp_path.iterdir()] == [file]
    assert command.run(["--read", str(file), "--markdown"], "") == 0
    assert "### Budgets, at 1,500 rows" in capsys.readouterr().out
