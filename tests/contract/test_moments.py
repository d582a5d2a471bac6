"""Points in time are UTC with microseconds; dates, times of day and durations stay themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from agentorm import Database, InvalidValue, UnsupportedFeature, col, repository
from tests.contract.models import Scalar

EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
NOON = datetime(2024, 7, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def moments(db: Database) -> Database:
    db.create_all(Scalar)
    return db


def stored(db: Database, moment: datetime) -> datetime | None:
    key = repository(Scalar, db).add(Scalar(moment=moment)).id
    row = repository(Scalar, db).get(key)
    assert row is not None
    return row.moment


@pytest.mark.parametrize(
    "moment",
    [NOON, NOON.replace(tzinfo=None), NOON.astimezone(EAST), NOON.astimezone(WEST)],
    ids=["utc", "naive", "east", "west"],
)
def test_a_moment_comes_back_in_utc(moments: Database, moment: datetime) -> None:
    came_back = stored(moments, moment)
    assert came_back == NOON
    assert came_back is not None
    assert came_back.utcoffset() == timedelta(0)
    assert repository(Scalar, moments).where(Scalar.moment == moment).count() == 1
    assert repository(Scalar, moments).where(col(Scalar.moment) > moment).count() == 0


def test_the_entity_holds_what_will_be_stored() -> None:
    assert Scalar(moment=NOON.astimezone(EAST)).moment == NOON
    assert str(Scalar(moment=NOON.replace(tzinfo=None)).moment) == (
        "2024-07-01 12:00:00.123456+00:00"
    )


def test_moments_of_many_zones_sort_as_points_in_time(moments: Database) -> None:
    second = timedelta(seconds=1)
    given = [NOON.astimezone(WEST), (NOON - second).astimezone(EAST), NOON + second]
    repository(Scalar, moments).add_all(Scalar(moment=moment) for moment in given)
    rows = repository(Scalar, moments).order_by(Scalar.moment).all()
    assert [row.moment for row in rows] == [NOON - second, NOON, NOON + second]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=EAST),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=WEST),
    ],
    ids=["year 0", "year 10000"],
)
def test_a_moment_that_utc_cannot_say_is_refused(moment: datetime) -> None:
    with pytest.raises(InvalidValue, match=r"Scalar\.moment"):
        Scalar(moment=moment)


def test_moments_are_moved_by_durations(moments: Database) -> None:
    repository(Scalar, moments).add(Scalar(moment=NOON))
    later = repository(Scalar, moments).where(col(Scalar.moment) > NOON - timedelta(hours=1))
    assert later.count() == 1


@pytest.mark.engines("postgresql")
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_time_zone_of_the_connection_does_not_matter(db: Database, zone: str) -> None:
    place = db.url.update_query_dict({"options": f"-c TimeZone={zone}"})
    extremes = [
        datetime(1, 1, 2, tzinfo=UTC),
        NOON,
        datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
    ]
    with type(db)(place) as there:
        there.create_all(Scalar)
        repository(Scalar, there).add_all(Scalar(moment=moment) for moment in extremes)
        rows = repository(Scalar, there).order_by(Scalar.moment).all()
    assert [row.moment for row in rows] == extremes


@pytest.mark.parametrize("lasting", [timedelta.min, timedelta.max], ids=["min", "max"])
def test_a_duration_is_kept_or_refused_before_any_sql(
    moments: Database, sent: list[str], lasting: timedelta
) -> None:
    scalars = repository(Scalar, moments)
    sent.clear()
    try:
        key = scalars.add(Scalar(lasting=lasting)).id
    except InvalidValue as error:
        refused = error
    else:
        assert [row.lasting for row in scalars.get_many([key])] == [lasting]
        return
    assert str(refused).startswith("Scalar.lasting: ")
    assert sent == []


def test_a_time_of_day_with_a_zone_keeps_it_or_is_refused(moments: Database) -> None:
    hour = time(12, 30, tzinfo=EAST)
    try:
        key = repository(Scalar, moments).add(Scalar(hour=hour)).id
    except InvalidValue:
        return
    row = repository(Scalar, moments).get(key)
    assert row is not None
    assert row.hour == hour


def test_a_date_is_no_moment(moments: Database) -> None:
    repository(Scalar, moments).add(Scalar(day=date(2024, 7, 1), moment=NOON))
    row = repository(Scalar, moments).where(Scalar.day == date(2024, 7, 1)).one()
    assert type(row.day) is date
    assert type(row.moment) is datetime


def test_a_duration_is_added_by_engines_that_can(moments: Database, engine_name: str) -> None:
    rows = repository(Scalar, moments)
    rows.add(Scalar(moment=NOON))
    tomorrow = rows.where(col(Scalar.moment) + timedelta(days=1) > NOON)
    if engine_name == "postgresql":
        assert tomorrow.count() == 1
        return
    with pytest.raises(UnsupportedFeature, match="arithmetic of datetimes and timedeltas; work"):
        tomorrow.count()
