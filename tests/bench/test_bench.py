"""The bench itself: whether it still runs on today's schema and store, and says what it found."""

import asyncio
import itertools
import json
import sys
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.bench.fleet import get
from tests.bench.load import Outcome, closed_loop, open_loop
from tests.bench.report import Bound, Ratio, Section, Subject, is_kept, write
from tests.bench.rig import ROOT, Served, serve
from tests.bench.table import with_figures
from tests.bench.watchers import crowd
from tests.realtime.history import Ledger
from tests.realtime.living import living
from tests.support.cluster_up import NGINX

BUS = 1
_QUICK = "acgistvxy" if NGINX is None else "acgistvxyA"
_OK, _FULL = b"HTTP/1.1 201 Created", b"HTTP/1.1 503 Service Unavailable"


@pytest.mark.timeout(600)
async def test_what_leans_on_the_schema_and_the_store_runs_when_it_is_quick(tmp_path: Path) -> None:
    """Both baselines, the server of plain transactions, the bookings of long ago, the outbox and the server without."""
    found = tmp_path / "figures.json"
    bench = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench", "--quick", _QUICK, "--json", str(found)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await bench.communicate()
    assert bench.returncode == 0, said.decode()
    document = json.loads(found.read_text())
    assert set(document["sections"]) == set(_QUICK)
    # A bound may well come out as nothing: the few reads of a quick run need not ask the database once.
    assert all(
        claim["value"] > 0
        for section in document["sections"].values()
        for claim in section["ratios"]
    )
    assert all(claim["value"] >= 0 for claim in _claims(document))
    table = with_figures("<!-- figures -->\n<!-- /figures -->", json.dumps(document))
    assert table.count("\n| ") == len(_claims(document)) + 2, "one row each, under two of the head"


async def test_a_section_that_is_not_there_is_refused() -> None:
    bench = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench", "a", "0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await bench.communicate()
    assert bench.returncode == 2
    assert b"there is no section 0" in said


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    mine = Subject("omnibus", [{"per second": rate} for rate in (100.0, 300.0, 900.0)])
    theirs = Subject("beside it", [{"per second": rate} for rate in (100.0, 100.0, 500.0)])
    assert Ratio("per second", mine, theirs, "≥ 1.5").value == 1.8


@pytest.mark.parametrize(
    ("value", "wanted", "kept"),
    [
        (1.5, "≥ 1.5", True),
        (1.49, "≥ 1.5", False),
        (330.0, "≤ 330", True),
        (1_001.0, "≤ 1,000", False),
        (1.0, "= 1", True),
        (0.0, "= 1", False),
        (9.0, "as near 1 as can be", None),
    ],
)
def test_what_was_wanted_is_kept_or_missed_unless_it_is_a_direction(
    *, value: float, wanted: str, kept: bool | None
) -> None:
    assert is_kept(value, wanted) is kept


def test_every_claim_stands_in_the_readme_with_its_baseline(tmp_path: Path) -> None:
    omnibus = Subject("omnibus", [{"per second": 3_000.0, "p99 ms": 45.0}])
    pgbench = Subject("pgbench", [{"per second": 2_000.0}])
    section = Section(
        "a",
        "bookings a second",
        (omnibus, pgbench),
        (Ratio("per second", omnibus, pgbench, "≥ 1.5"),),
        (Bound("p99 ms", omnibus, "≤ 50"),),
    )
    write(tmp_path / "figures.json", {"cores": 2}, [section])
    table = with_figures(
        "<!-- figures -->\n<!-- /figures -->", (tmp_path / "figures.json").read_text()
    )
    assert "| bookings a second: omnibus | 3,000/s | pgbench: 2,000/s | 1.50 | ≥ 1.5 |" in table
    assert "| bookings a second: omnibus, p99 | 45 ms | | | ≤ 50 |" in table


def test_refusals_are_no_sales_and_one_without_retry_after_is_counted() -> None:
    outcome = Outcome()
    outcome.note(_OK + b"\r\ncontent-length: 0\r\n\r\n", 0.1)
    outcome.note(_FULL + b"\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n", 0.2)
    outcome.note(_FULL + b"\r\ncontent-length: 19\r\n\r\n\r\nretry-after: 1\r\n\r\n", 0.3)
    assert outcome.latencies == [0.1]
    assert outcome.refusals == [0.2, 0.3]
    assert outcome.without_retry_after == 1
    with pytest.raises(RuntimeError, match="expected 201 alone"):
        outcome.require(201)


async def test_what_finds_no_connection_free_is_counted_as_never_sent() -> None:
    async with _empty_server() as served:
        outcome = await open_loop(
            served.addresses, itertools.repeat(get("/")), rate=5_000, seconds=0.2, clients=1
        )
    assert outcome.statuses[200] + outcome.unsent == 1_000
    assert outcome.statuses[200] > 0
    assert outcome.unsent > 0, "one connection cannot be that fast"


async def test_a_crowd_watches_reports_what_came_and_comes_back_when_it_may() -> None:
    ledger = Ledger()
    ledger.add(BUS, "1A 1B")
    async with (
        living(ledger) as served,
        crowd(served.port, 20, [BUS], is_timing=True, returns=True) as watching,
    ):
        served.commit(BUS, A1="L")
        seen = 0
        while seen < 20:
            report = await watching.report()
            seen += report.last_revs.get("1", 0)
            assert report.live == 20
        for connection in list(served.live._connections):
            connection.abort()
        await watching.is_live()
        assert (await watching.report()).lost == 20


async def test_a_sale_of_two_requests_is_one_sale() -> None:
    def follow(request: bytes, _: bytes) -> bytes | None:
        return get("/?second") if b"second" not in request else None

    async with _empty_server() as served:
        outcome = await closed_loop(
            served.addresses, iter([get("/")] * 10), clients=2, seconds=5, follow=follow
        )
    assert outcome.sales == 10
    assert outcome.statuses[200] == 20


def _empty_server() -> AbstractAsyncContextManager[Served]:
    return serve(lambda port: ("-m", "tests.bench.empty_server", str(port)), {}, probe="/")


def _claims(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    sections = document["sections"].values()
    return [claim for section in sections for claim in (*section["ratios"], *section["bounds"])]
