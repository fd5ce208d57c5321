"""`omnibus import gtfs` as its users meet it: what it prints, how it ends, and what it leaves."""

import json
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.gtfs.commands import omnibus, start
from tests.gtfs.feeds import TWO_AGENCIES, altered, with_rows, write_feed
from tests.gtfs.loading import everything
from tests.support.databases import Databases
from tests.support.waiting import wait_until

WEEK = ("--from", "2030-06-03", "--days", "7")


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return write_feed(tmp_path)


async def test_an_import_says_what_it_added(database_url: str, owner: Any, feed: Path) -> None:
    ran = omnibus(database_url, "import", "gtfs", feed, "--operator", "Northline", *WEEK)
    assert ran.code == 0, ran.err
    assert "Northline: added 12 buses with 480 seats, 2 routes, 5 stops" in ran.out
    assert "(2030-06-03 to 2030-06-09)" in ran.out
    assert await owner.fetchval("SELECT count(*) FROM seats") == 480


async def test_a_second_import_has_nothing_to_do_and_says_so(
    database_url: str, owner: Any, feed: Path
) -> None:
    omnibus(database_url, "import", "gtfs", feed, "--operator", "Northline", *WEEK)
    before = await everything(owner)
    ran = omnibus(database_url, "import", "gtfs", feed, "--operator", "Northline", *WEEK)
    assert ran.code == 0
    assert "nothing to do: 12 buses are there already" in ran.out
    assert await everything(owner) == before


async def test_programs_get_json_and_nothing_else(database_url: str, feed: Path) -> None:
    ran = omnibus(database_url, "import", "gtfs", feed, "--operator", "N", *WEEK, "--json")
    assert (ran.code, ran.err) == (0, "")
    document = ran.json
    assert (document["from"], document["until"]) == ("2030-06-03", "2030-06-09")
    assert document["operators"][0] | {"id": "?"} == {
        "id": "?",
        "name": "N",
        "is_new": True,
        "stops": 5,
        "routes": 2,
        "buses": 12,
        "seats": 480,
        "known": 0,
        "differing": 0,
        "unlisted": 0,
        "stops_differing": 0,
    }


async def test_a_broken_feed_is_refused_with_its_faults_and_nothing_is_written(
    database_url: str, owner: Any, tmp_path: Path
) -> None:
    before = await everything(owner)
    changes = {
        **altered("stops.txt", "53.6355", "north"),
        **with_rows("stop_times.txt", *(f"x{n},08:00:00,,ham-3,1,," for n in range(60))),
    }
    broken = write_feed(tmp_path, changes)
    ran = omnibus(database_url, "import", "gtfs", broken, "--operator", "Northline", *WEEK)
    assert ran.code == 1
    assert "feed.zip is refused and nothing was written; 61 faults:" in ran.err
    assert "stops.txt line 5: stop_lat `north` is not a number from -90 to 90" in ran.err
    assert "stop_times.txt line 9: trip_id `x0` is not in trips.txt" in ran.err
    assert "and 11 more" in ran.err
    assert await everything(owner) == before


async def test_programs_get_faults_as_json(database_url: str, tmp_path: Path) -> None:
    broken = write_feed(tmp_path, altered("stops.txt", "53.6355", "north"))
    ran = omnibus(database_url, "import", "gtfs", broken, "--operator", "N", "--json")
    assert ran.code == 1
    assert ran.json["faults_total"] == 1
    assert ran.json["faults"][0]["line"] == 5


async def test_days_without_service_are_refused_with_what_to_do(
    database_url: str, feed: Path
) -> None:
    ran = omnibus(database_url, "import", "gtfs", feed, "--operator", "N", "--from", "2031-06-03")
    assert ran.code == 1
    assert "no trips from 2031-06-03 to 2031-06-16" in ran.err
    assert "run from 2030-01-01 to 2030-12-31" in ran.err
    assert "--shift-dates" in ran.err


async def test_a_feed_that_ends_within_the_days_asked_for_is_pointed_out(
    database_url: str, feed: Path
) -> None:
    december = ("--from", "2030-12-25", "--days", "14")
    ran = omnibus(database_url, "import", "gtfs", feed, "--operator", "N", *december)
    assert ran.code == 0
    assert "(2030-12-25 to 2030-12-31)" in ran.out
    assert "the feed has nothing for the days after that, up to 2031-01-07" in ran.out


async def test_days_that_are_over_can_be_imported_and_are_pointed_out(
    database_url: str, tmp_path: Path
) -> None:
    old = write_feed(
        tmp_path, altered("calendar.txt", "20300101,20301231\nwork", "20140101,20141231\nwork")
    )
    june = ("--from", "2014-06-02", "--days", "7")
    ran = omnibus(database_url, "import", "gtfs", old, "--operator", "N", *june)
    assert ran.code == 0
    assert "these days are over" in ran.out
    shifted = omnibus(
        database_url, "import", "gtfs", old, "--operator", "N", *june, "--shift-dates"
    )
    assert shifted.code == 0
    assert "these days are over" not in shifted.out
    assert "weeks earlier in the feed" in shifted.out


async def test_of_several_agencies_one_must_be_named(database_url: str, tmp_path: Path) -> None:
    feed = write_feed(tmp_path, TWO_AGENCIES)
    ran = omnibus(database_url, "import", "gtfs", feed, "--operator", "Coastal", *WEEK)
    assert ran.code == 1
    assert "2 agencies and none of them is `Coastal`" in ran.err
    assert "`Northline`, `Southline`" in ran.err
    every = omnibus(database_url, "import", "gtfs", feed, *WEEK)
    assert every.code == 0
    assert "Southline: added 7 buses" in every.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--layout", "hovercraft", *WEEK), 1, "no layout `hovercraft`; nothing was written"),
        (("--currency", "euro"), 2, "must be three letters"),
        (("--from", "tomorrow"), 2, "does not match the format"),
        (("--from", "9999-12-31"), 2, "must lie between"),
        (("--days", "0"), 2, "greater than or equal to 1"),
        (("--fare", "-1"), 2, "greater than or equal to 0"),
        (("--operator", "\x1b[2J"), 2, "without control characters"),
    ],
)
async def test_wrong_wishes_are_answered_in_a_sentence(
    database_url: str, feed: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = omnibus(database_url, "import", "gtfs", feed, "--operator", "N", *arguments)
    assert ran.code == code
    assert said in " ".join(ran.err.replace("│", " ").split())
    assert "Traceback" not in ran.err


async def test_a_missing_file_is_answered_in_a_sentence(database_url: str, tmp_path: Path) -> None:
    ran = omnibus(database_url, "import", "gtfs", tmp_path / "no.zip", "--operator", "N")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith("no.zip: No such file or directory\n")


def test_without_a_database_the_setting_is_named(feed: Path) -> None:
    ran = omnibus(None, "import", "gtfs", feed, "--operator", "N")
    assert ran.code == 1
    assert "OMNIBUS_DATABASE_URL" in ran.err


@pytest.mark.parametrize(
    "url", ["postgresql://nobody@127.0.0.1:1/none", "postgresql://nobody@/none?host=/nowhere"]
)
def test_a_database_that_does_not_answer_is_told_without_a_trace(feed: Path, url: str) -> None:
    ran = omnibus(url, "import", "gtfs", feed, "--operator", "N", *WEEK)
    assert ran.code == 1
    assert "cannot use the database" in ran.err
    assert "Traceback" not in ran.err


async def test_a_database_that_is_not_migrated_is_refused(databases: Databases, feed: Path) -> None:
    async with databases.fresh(is_migrated=False) as url:
        ran = omnibus(url, "import", "gtfs", feed, "--operator", "N", *WEEK)
    assert ran.code == 1
    assert "`omnibus migrate` brings it up to date" in ran.err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, 137)]
)
async def test_stopped_in_the_middle_it_leaves_nothing(
    database_url: str, owner: Any, feed: Path, number: signal.Signals, code: int
) -> None:
    before = await everything(owner)
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND application_name = 'omnibus'"
    )
    async with owner.transaction():
        await owner.execute("LOCK TABLE seats IN SHARE MODE")
        process = start(database_url, "import", "gtfs", feed, "--operator", "N", *WEEK)
        with process:

            async def is_writing_seats() -> bool:
                waiting: int = await owner.fetchval(
                    "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'seats'::regclass"
                )
                return waiting == 1

            await wait_until(is_writing_seats, seconds=60)
            (python,) = psutil.Process(process.pid).children()
            python.send_signal(number)
            _, err = process.communicate()
    assert process.returncode == code
    assert "Traceback" not in err
    if number is signal.SIGINT:
        assert "stopped; nothing was written" in err

    async def is_alone() -> bool:
        return bool(await owner.fetchval(others) == 0)

    await wait_until(is_alone)
    assert await everything(owner) == before


def test_help_shows_examples() -> None:
    ran = omnibus(None, "import", "gtfs", "--help")
    assert ran.code == 0
    assert 'omnibus import gtfs feed.zip --operator "Sunbus" --days 30' in ran.out


def test_json_is_one_document_a_run(feed: Path) -> None:
    ran = omnibus("postgresql://nobody@127.0.0.1:1/none", "import", "gtfs", feed, *WEEK, "--json")
    assert json.loads(ran.out)["error"].startswith("cannot use the database")
