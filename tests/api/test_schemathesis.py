"""What a program makes up from the OpenAPI document: every operation, with data that fits it and data that does not."""

import asyncio
import sys
from pathlib import Path

import pytest

from store.model import DeviceKind
from tests.api.served import Served
from tests.api.shop import Shop
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
# A label may be well-formed and still no seat of the bus: what fits the document may make no sense.
NOT_TRUE_HERE = "positive_data_acceptance"
EXAMPLES = "8"
FEW = "4"
# It reads an answer to its end, and this one has none.
ENDLESS = "stream_bus"
# It makes up no zip files; tests/api/test_imports.py sends bad ones.
ZIPPED = "upload_timetable"


# Half a minute alone; beside three other workers it had two and was not done.
@pytest.mark.timeout(300)
async def test_made_up_requests_meet_no_failure_and_no_surprise(
    databases: Databases, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    async with databases.fresh() as url, await Shop.open(url) as shop:
        async with Served(url, valkey.url) as served:
            shop.url = served.url
            await shop.bus(segments=4)
            await run(served, tmp_path, shop.token("admin"))
            assert await served.failures() == [], served.log()[-3000:]
        assert await shop.violations() == {}


async def test_made_up_requests_about_things_that_exist_meet_none_either(
    databases: Databases, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    async with databases.fresh() as url, await Shop.open(url) as shop:
        async with Served(url, valkey.url) as served:
            shop.url = served.url
            write_config(tmp_path / "schemathesis.toml", await name_things(shop))
            # What names none of them has been asked for by the test above.
            about = ("--include-path-regex", r"\{(bus|hold|ref|payment|block|device)\}")
            await run(served, tmp_path, shop.token("admin"), "--phases", "fuzzing", *about)
            assert await served.failures() == [], served.log()[-3000:]
        assert await shop.violations() == {}


@pytest.mark.parametrize("who", ["rider", "manager"])
async def test_made_up_requests_of_whoever_is_signed_in_meet_none_and_no_door_is_open(
    databases: Databases, valkey: ThrowawayValkey, tmp_path: Path, who: str
) -> None:
    async with databases.fresh() as url, await Shop.open(url) as shop:
        async with Served(url, valkey.url) as served:
            shop.url = served.url
            write_config(tmp_path / "schemathesis.toml", await name_things(shop))
            few = ("--phases", "fuzzing", "--max-examples", FEW)
            await run(served, tmp_path, shop.token(who), *few)
            assert await served.failures() == [], served.log()[-3000:]
        assert await shop.violations() == {}


async def test_an_open_door_would_be_found(
    databases: Databases, valkey: ThrowawayValkey, tmp_path: Path
) -> None:
    async with (
        databases.fresh() as url,
        await Shop.open(url) as shop,
        Served(url, valkey.url, module=("tests.api.open_server", "serve")) as served,
    ):
        shop.url = served.url
        wanted = ("--checks", "ignored_auth", "--include-operation-id", "list_bookings")
        with pytest.raises(pytest.fail.Exception, match="accepts requests without auth"):
            await run(served, tmp_path, shop.token("admin"), *wanted, "--max-examples", FEW)


async def name_things(shop: Shop) -> dict[str, str]:
    """Put a bus on sale, let somebody have something of everything on it, and return the ids that paths take."""
    bus = await shop.bus(segments=4)
    hold = await shop.hold(shop.client(), bus, ["1A"])
    booking = await shop.book(shop.client("agent"), bus, ["1B", "1C"], method="cash")
    unpaid = await shop.book(shop.client("rider"), bus, ["1D"])
    wanted = {"bus_id": bus, "seats": ["2A"], "reason": "x"}
    block = await shop.client("admin").post("/admin/blocks", json=wanted)
    return {
        "bus": bus,
        "hold": hold["id"],
        "ref": booking["ref"],
        "payment": unpaid["payment"]["id"],
        "block": block.json()["id"],
        "device": str((await shop.pair(DeviceKind.BOARD)).device_id),
    }


def write_config(path: Path, ids: dict[str, str]) -> None:
    lines = ["[parameters]", *(f'"path.{name}" = "{value}"' for name, value in ids.items())]
    path.write_text("\n".join(lines), encoding="utf-8")


async def run(served: Served, folder: Path, token: str, *more: str) -> None:
    """Run Schemathesis with all its checks that are true here; what it finds it says itself."""
    process = await asyncio.create_subprocess_exec(
        SCHEMATHESIS,
        "--no-color",
        "run",
        f"{served.url}/openapi.json",
        *("--header", f"Authorization: Bearer {token}"),
        *("--exclude-operation-id", ENDLESS, "--exclude-operation-id", ZIPPED),
        *("--exclude-checks", NOT_TRUE_HERE, "--max-examples", EXAMPLES),
        *("--continue-on-failure", "--generation-database", "none", "--warnings", "off"),
        *more,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        pytest.fail(said.decode(), pytrace=False)
