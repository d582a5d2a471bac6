"""The benchmark of prices: its statistics are right, and a small run of it ends on every engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from agentorm import Database
from tests.benchmarks.price import command
from tests.benchmarks.price.budgets import Budget, judged
from tests.benchmarks.price.measuring import (
    CONTROL,
    RAW,
    Clock,
    Effort,
    Step,
    measure,
    with_control,
)
from tests.benchmarks.price.peers.ours import OURS
from tests.benchmarks.price.plotting import draw
from tests.benchmarks.price.printing import as_markdown, as_text
from tests.benchmarks.price.results import Absent, Measured, Report
from tests.benchmarks.price.spread import Spread, ratios, spread
from tests.benchmarks.price.works import BULK_10K, GET, INSERT

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "benchmarks" / "run.py"


def taken(work: str, contender: str, *seconds: float) -> Measured:
    return Measured("sqlite", work, contender, cpu=seconds, wall=seconds, repeats=200)


def reported(*measured: Measured) -> Report:
    absent = Absent("sqlite", "peewee", "peewee is not installed")
    return Report(("a machine",), {"sqlite": ["SQLite 3.40.1"]}, measured, (absent,))


def test_a_spread_is_the_median_and_the_quartiles() -> None:
    assert spread([5, 1, 2, 4, 3]) == Spread(low=2, median=3, high=4)
    assert spread([7]) == Spread(7, 7, 7)


def test_a_ratio_is_taken_round_by_round() -> None:
    assert ratios([2, 40, 6], [1, 10, 2]) == Spread(low=2.5, median=3, high=3.5)


def test_every_contender_is_measured_as_often_and_none_always_first() -> None:
    order, left = list[str](), list[str]()

    def step(name: str) -> Step:
        return Step(lambda: order.append(name), after=lambda: left.append(name))

    steps = with_control({name: step(name) for name in (RAW, OURS)})
    found = measure(steps, Effort(rounds=40, fewest=40, seconds=0))
    assert {*found} == {RAW, CONTROL, OURS}
    assert {len(sample.wall) for sample in found.values()} == {40}
    assert order == left
    rounds = [order[start : start + 4] for start in range(0, len(order), 4)]
    assert len(rounds) == 41
    assert {tuple(sorted(each[1:])) for each in rounds} == {(OURS, RAW, RAW)}
    assert {each[1] for each in rounds} == {OURS, RAW}


def test_a_work_that_takes_long_gets_fewer_rounds() -> None:
    found = measure({RAW: Step(lambda: None)}, Effort(rounds=40, fewest=2, seconds=0))
    assert len(found[RAW].cpu) == 2


def test_cpu_time_is_read_from_the_clock_before_and_after() -> None:
    cpu, wall = Clock(iter([1.0, 3.5]).__next__).timed(lambda: None)
    assert cpu == 2.5
    assert wall > 0


def test_a_budget_is_kept_or_not_by_the_median_of_the_ratios() -> None:
    report = reported(
        taken("get", RAW, 1, 2, 1),
        taken("get", OURS, 1.5, 3, 9),
        taken("get", "peewee", 30, 50, 40),
        taken("insert", RAW, 1),
    )
    kept, missed, unknown, faster, slower = judged(
        report,
        (
            Budget(GET, 1.5),
            Budget(GET, 1.4),
            Budget(INSERT, 1.05),
            Budget(GET, 17, against="peewee", times_faster=True),
            Budget(GET, 16, against="peewee", times_faster=True),
        ),
    )
    assert (kept.cpu, kept.verdict) == (Spread(1.5, 1.5, 5.25), "yes")
    assert missed.verdict == "no"
    assert (unknown.cpu, unknown.verdict) == (None, "not measured")
    assert (faster.verdict, slower.verdict) == ("no", "yes")
    assert judged(report, [Budget(BULK_10K, 1.1), Budget(GET, 1, engines=("mysql",))]) == []


def test_budgets_that_are_not_reached_are_told_in_a_sentence() -> None:
    base = [taken(work, RAW, 1) for work in ("get", "fifty", "insert")]
    slow = [taken("get", OURS, 2), taken("fifty", OURS, 3), taken("insert", OURS, 2)]
    told = "**Not reached.** On SQLite: get by key, tracked; insert one."
    assert told in as_markdown(reported(*base, *slow)).splitlines()
    assert "Every budget measured is reached." in as_markdown(reported(base[0]))


def test_growth_is_told_by_size() -> None:
    report = reported(
        taken("columns-2", RAW, 1e-3),
        taken("columns-2", OURS, 2e-3),
        taken("columns-8", RAW, 2e-3),
        taken("columns-8", OURS, 3e-3),
    )
    told = as_markdown(report).partition("### SQLite: growth with columns\n\n")[2].splitlines()
    assert told == [
        "| columns | raw driver, wall µs | agentorm, wall ratio |",
        "| --- | --- | --- |",
        "| 2 | 5.0 | 2.00 (2.00 to 2.00) |",
        "| 8 | 10.0 | 1.50 (1.50 to 1.50) |",
    ]


def test_the_plots_show_every_work(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", exc_type=ImportError)
    names = (GET.name, "columns-2")
    drawn = draw(reported(*(taken(w, c, 1, 2) for w in names for c in (RAW, OURS))), tmp_path)
    assert [plot.name for plot in drawn] == [
        "benchmarks-sqlite.svg",
        "benchmarks-growth-sqlite.svg",
    ]
    works, growth = ((tmp_path / plot.name).read_text(encoding="utf-8") for plot in drawn)
    assert "get by key, tracked" in works
    assert "SQLite: wall µs" in growth


def test_a_budget_may_be_kept_by_wall_time_only() -> None:
    ours = Measured("sqlite", "get", OURS, cpu=(3, 3), wall=(4, 4))
    base = Measured("sqlite", "get", RAW, cpu=(1, 1), wall=(3, 3))
    by_both, by_wall = judged(
        reported(ours, base), [Budget(GET, 1.9), Budget(GET, 2, by_wall=True)]
    )
    assert (by_both.verdict, by_wall.verdict) == ("by wall only", "yes")


def test_the_report_tells_ratios_budgets_and_who_is_absent() -> None:
    report = reported(
        taken("get", RAW, 1e-3, 2e-3),
        taken("get", CONTROL, 1e-3, 2e-3),
        taken("get", OURS, 2e-3, 4e-3),
    )
    assert Report.read(report.json()) == report
    lines = as_text(report).splitlines()
    assert "SQLite: peewee is left out, peewee is not installed" in lines
    shown = [line.split() for line in lines]
    ratio = ["2.00", "(2.00", "to", "2.00)"]
    assert ["SQLite", "get", "by", "key,", "tracked", *ratio, *ratio, "≤", "1.9", "no"] in shown
    assert ["agentorm", "15.0", "15.0", *ratio, *ratio, "2"] in shown
    assert "| raw driver | 7.5 | 7.5 | 1.00 (1.00 to 1.00) | 1.00 (1.00 to 1.00) | 2 |" in (
        as_markdown(report).splitlines()
    )


@pytest.mark.untraced
def test_prices_are_measured_on_every_engine(url: str, engine_name: str, tmp_path: Path) -> None:
    file, works = tmp_path / "a.json", ("get", "insert", "write-10", "search-10", "async-get")
    asked = ["--quick", "--rounds", "2", "--rows", "500", "--url", url, "--json", str(file)]
    asked += [part for work in works for part in ("--work", work)]
    ran = subprocess.run(
        [sys.executable, SCRIPT, *asked],
        cwd=tmp_path,
        env=os.environ | {"AGENTORM_BENCH_DATA": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    measured = {(one["work"], one["contender"]) for one in found["measured"]}
    searches = {"search-10"} if engine_name != "mysql" else set[str]()
    for work in {*works} - {"search-10"} | searches:
        assert {(work, RAW), (work, CONTROL), (work, OURS)} <= measured
    assert ("get", "SQLAlchemy ORM") in measured
    assert min(len(one["cpu"]) for one in found["measured"]) == 2
    with Database(url) as db:
        assert inspect(db.engine).get_table_names() == []


def test_what_grows_and_what_threads_do_is_measured_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTORM_BENCH_DATA", str(tmp_path))
    file, url = tmp_path / "a.json", f"sqlite:///{tmp_path / 'price.db'}"
    asked = ["--work", "columns-2", "--work", "dimensions-8", "--work", "threads", "--rounds", "1"]
    assert command.run(["--quick", "--url", url, "--json", str(file), *asked], "") == 0
    found = Report.read(file.read_text(encoding="utf-8")).measured
    for work, contender in (
        ("columns-2", OURS),
        ("dimensions-8", "SQLAlchemy ORM"),
        ("threads", f"{OURS}, 16 threads"),
    ):
        assert contender in {one.contender for one in found if one.work == work}


def test_a_report_is_written_and_read_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.json"
    file.write_text(reported(taken("get", RAW, 1), taken("get", OURS, 2)).json(), encoding="utf-8")
    assert command.run(["--read", str(file), "--markdown"], "") == 0
    assert "| SQLite | get by key, tracked | 2.00 (2.00 to 2.00) |" in capsys.readouterr().out
