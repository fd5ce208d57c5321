"""What an uploaded feed may be, whose things it adds, and who wins when it is cancelled as it ends."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from store.db import Connection, Database
from store.gtfs import Terms, Wish, load, make_plan, read_feed
from store.gtfs.archive import Bounds
from store.gtfs.faults import FeedRefused
from store.imports import Import, Imports, NewImport, State, Unwanted, finish
from store.model import Caller, Role
from tests.gtfs.feeds import TWO_AGENCIES, write_feed
from tests.gtfs.loading import NOW, silent

End = Callable[[Connection, Any], Awaitable[None]]
ADMIN = Caller(1, Role.ADMIN)


async def seller(owner: Connection, name: str = "Northline") -> int:
    added: int = await owner.fetchval(
        "INSERT INTO operators (name, time_zone, currency) VALUES ($1, 'Europe/Berlin', 'EUR')"
        " RETURNING operator_id",
        name,
    )
    return added


async def begun(db: Database, operator_id: int) -> Import:
    return await Imports(db).begin(ADMIN, NewImport(operator_id, "feed.zip", 9, {}))


async def run(db: Database, folder: Path, operator_id: int, end: End) -> None:
    wish = Wish("Northline", days=7)
    plan = make_plan(read_feed(write_feed(folder)), wish, NOW)
    await load(db, plan, Terms(operator_id=operator_id, actor_id=1), silent, end)


async def buses(owner: Connection) -> int:
    count: int = await owner.fetchval("SELECT count(*) FROM buses")
    return count


async def test_an_import_that_is_cancelled_as_it_ends_writes_nothing(
    db: Database, owner: Connection, tmp_path: Path
) -> None:
    operator_id = await seller(owner)
    wanted = await begun(db, operator_id)

    async def end(connection: Connection, _loaded: Any) -> None:
        await Imports(db).cancel(ADMIN, wanted.import_id)
        await finish(connection, wanted.import_id, {})

    with pytest.raises(Unwanted):
        await run(db, tmp_path, operator_id, end)
    assert await buses(owner) == 0
    assert (await Imports(db).find(ADMIN, wanted.import_id)).state is State.CANCELLED


async def test_without_that_last_look_what_was_cancelled_would_be_on_sale(
    db: Database, owner: Connection, tmp_path: Path
) -> None:
    """The twin of the test above: the transaction ends without asking whether it is wanted."""
    operator_id = await seller(owner)
    wanted = await begun(db, operator_id)

    async def end(_connection: Connection, _loaded: Any) -> None:
        await Imports(db).cancel(ADMIN, wanted.import_id)

    await run(db, tmp_path, operator_id, end)
    assert await buses(owner) == 12


async def test_all_of_an_upload_is_the_operators_own(
    db: Database, owner: Connection, tmp_path: Path
) -> None:
    """Also where the feed names another operator that is here: nothing is added to what is theirs."""
    await seller(owner, "Southline")
    operator_id = await seller(owner)
    feed = read_feed(write_feed(tmp_path, TWO_AGENCIES))
    plan = make_plan(feed, Wish("Northline", agency="Southline", days=7), NOW)

    async def end(_connection: Connection, _loaded: Any) -> None:
        pass

    await load(db, plan, Terms(operator_id=operator_id), silent, end)
    assert {row["operator_id"] for row in await owner.fetch("TABLE buses")} == {operator_id}
    sources = {row["source"] for row in await owner.fetch("TABLE stops")}
    assert sources == {f"gtfs:{operator_id}"}


@pytest.mark.parametrize(
    ("bounds", "said"),
    [
        (Bounds(file_bytes=100), "is larger than"),
        (Bounds(all_bytes=300), "with it the feed is larger"),
        (Bounds(ratio=0, ratio_from_bytes=50), "unpacks to more than"),
    ],
)
def test_what_unpacks_to_more_than_it_may_is_refused(
    tmp_path: Path, bounds: Bounds, said: str
) -> None:
    with pytest.raises(FeedRefused) as refused:
        read_feed(write_feed(tmp_path), bounds=bounds)
    assert any(said in fault.reason for fault in refused.value.faults)
