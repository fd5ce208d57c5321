"""`omnibus watch` as somebody meets it, in a terminal, in a pipe, and when something is wrong."""

import asyncio
import contextlib
import os
import pty
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from tests.api.served import Served
from tests.api.shop import Shop
from tests.cli.commands import COMMAND, ROOT, WAIT_SECONDS, Ran, environment
from tests.support import forked
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey
from tests.support.waiting import wait_until

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Place:
    served: Served
    shop: Shop
    bus: str


@pytest.fixture(scope="module")
async def database(databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh() as url:
        yield url


@pytest.fixture(scope="module")
async def everything(database: str, valkey: ThrowawayValkey) -> AsyncIterator[tuple[Served, Shop]]:
    async with await Shop.open(database) as shop, Served(database, valkey.url) as served:
        shop.url = served.url
        yield served, shop


@pytest.fixture
async def place(everything: tuple[Served, Shop]) -> AsyncIterator[Place]:
    """A server that runs for all tests, with a bus of one's own."""
    served, shop = everything
    yield Place(served, shop, await shop.bus(segments=4, seats=40))
    await shop.forget_clients()


async def watch(*arguments: str, **settings: object) -> Ran:
    """Run it to its end."""
    env = environment(settings) | {"COLUMNS": "80"}
    ran = partial(forked.run, ["watch", *arguments], env, stdin="", seconds=WAIT_SECONDS)
    return Ran(*await asyncio.to_thread(ran))


@dataclass
class Screen:
    """A terminal of 80 by 40 with the command in it."""

    process: forked.Process
    raw: str = ""

    @property
    def text(self) -> str:
        return _ESCAPE.sub("", self.raw)

    async def shows(self, words: str) -> None:
        await wait_until(lambda: words in self.text)

    async def leave(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return await self.process.wait()


@asynccontextmanager
async def terminal(*arguments: str, **more: str) -> AsyncIterator[Screen]:
    ours, theirs = pty.openpty()
    env = environment({}) | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "40"} | more
    process = forked.Process.start(
        *(forked.COMMAND, "watch", *arguments),
        environment=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    screen = Screen(process)

    def read() -> None:
        with contextlib.suppress(OSError):
            screen.raw += os.read(ours, 65_536).decode(errors="replace")
            return
        loop.remove_reader(ours)

    loop = asyncio.get_running_loop()
    loop.add_reader(ours, read)
    try:
        yield screen
    finally:
        loop.remove_reader(ours)
        os.close(ours)
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_once_shows_every_seat_and_how_many_are_free(place: Place) -> None:
    await place.shop.hold(place.shop.client("rider"), place.bus, ["1A", "2B"])
    ran = await watch(place.bus, "--url", place.served.url, "--once")
    assert (ran.code, ran.err) == (0, "")
    assert "Ahorn \N{RIGHTWARDS ARROW} Ulme" in ran.out
    assert f"bus {place.bus}" in ran.out
    assert "1A L" in ran.out
    assert "1B \N{MIDDLE DOT}" in ran.out
    assert "38 free" in ran.out
    assert "L 2 held" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "\x1b" not in ran.out, "a pipe gets no colours"


async def test_the_address_of_a_page_will_do(place: Place) -> None:
    ran = await watch(f"{place.served.url}/buses/{place.bus}", "--once", "--json")
    assert ran.code == 0
    assert (ran.json["bus"], ran.json["status"], ran.json["rev"]) == (place.bus, "live", 0)
    assert ran.json["seats"]["1A"] == "AAAA"


async def test_a_pipe_gets_the_map_and_then_a_line_for_every_change(place: Place) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *("watch", place.bus, "--url", place.served.url),
        cwd=ROOT,
        env=environment({}),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    while b"free" not in await process.stdout.readline():
        pass
    await place.shop.hold(place.shop.client("rider"), place.bus, ["3C"])
    assert (await process.stdout.readline()).decode().endswith("  3C  free -> held\n")
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
    assert await process.stdout.read() == b""


async def test_a_terminal_shows_changes_in_place_and_ctrl_c_leaves_quietly(place: Place) -> None:
    async with terminal(place.bus, "--url", place.served.url) as screen:
        await screen.shows("40 free")
        assert "\x1b[1;32m" in screen.raw
        hold = await place.shop.hold(place.shop.client("rider"), place.bus, ["3C"])
        await screen.shows("39 free")
        await screen.shows("3C  free -> held")
        await place.shop.client("rider").delete(f"/holds/{hold['id']}")
        await screen.shows("3C  held -> free")
        assert await screen.leave() == 0
        assert "Traceback" not in screen.text


async def test_no_color_is_respected(place: Place) -> None:
    async with terminal(place.bus, "--url", place.served.url, NO_COLOR="1") as screen:
        await screen.shows("40 free")
        assert not re.search(r"\x1b\[(?:\d+;)*(?:3\d|9\d)m", screen.raw)
        assert await screen.leave() == 0


async def test_a_lost_server_is_told_and_the_map_stays(
    place: Place, database: str, valkey: ThrowawayValkey
) -> None:
    async with AsyncExitStack() as stack:
        async with Served(database, valkey.url) as mortal:
            screen = await stack.enter_async_context(terminal(place.bus, "--url", mortal.url))
            await screen.shows("40 free")
        await screen.shows("connection lost, trying again")
        assert await screen.leave() == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("999999",), "there is no bus 999999 at {url}"),
        (("no/such",), "there is no bus no/such at {url}"),
        (
            ("1", "--url", "http://127.0.0.1:1"),
            "cannot reach http://127.0.0.1:1 (Connection refused)",
        ),
        (("1", "--url", "127.0.0.1:8000"), "127.0.0.1:8000 is not the address of a server"),
    ],
)
async def test_what_is_wrong_is_one_line(
    place: Place, arguments: tuple[str, ...], message: str
) -> None:
    given = arguments if "--url" in arguments else (*arguments, "--url", place.served.url)
    ran = await watch(*given)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"omnibus: {message.format(url=place.served.url)}")
    assert len(ran.err.splitlines()) == 1


async def test_a_server_of_another_kind_is_told_apart(place: Place) -> None:
    ran = await watch("1", "--url", f"{place.served.url}/static")
    assert ran.code == 1
    assert len(ran.err.splitlines()) == 1
