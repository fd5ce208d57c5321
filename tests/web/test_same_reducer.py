"""The reducer of the pages and that of Python programs are the same function, shown on the same random histories."""

import asyncio
import json
import random
import shutil
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from realtime.client import Known, receive
from realtime.protocol import (
    Bye,
    Delta,
    Error,
    Heartbeat,
    Hello,
    ServerFrame,
    Snapshot,
    Status,
    Subscribed,
    read_server_frame,
)
from server.assets import FOLDER

_NODE = shutil.which("node")
HISTORIES, FRAMES = 400, 60
LABELS = ("1A", "1B", "2A", "2B", "10A")

pytestmark = pytest.mark.skipif(_NODE is None, reason="needs Node 20 or newer")
Told = list[list[Any]]


def frames_of(chance: random.Random) -> Iterator[ServerFrame]:
    """Yield what a server, a lossy network and a rebuilt database may bring, in any order."""
    for _ in range(FRAMES):
        epoch = chance.choice((1, 1, 1, 1, 2))
        rev = chance.randint(0, 12)
        labels = chance.sample(LABELS, chance.randint(0, len(LABELS)))
        seats = tuple((label, "".join(chance.choices("ALBX", k=3))) for label in labels)
        yield chance.choice(
            (
                Delta("1", epoch, max(0, rev - chance.randint(1, 4)), rev, seats, "then"),
                Delta("1", epoch, max(0, rev - 1), rev, seats, "then"),
                Delta("1", epoch, max(0, rev - 1), rev, (), "then", "CLOSED"),
                Snapshot("1", epoch, rev, seats),
                Subscribed(1, "1", "snapshot", epoch, rev, seats),
                Subscribed(1, "1", "same", epoch, rev),
                Heartbeat({"1": rev}, "now"),
                chance.choice(
                    (
                        Hello("s", "now", 20),
                        Error(1, "overloaded", "later"),
                        Bye(4200, (0, 10)),
                        Status(live=False),
                    )
                ),
            )
        )


def play(lines: list[bytes]) -> Told:
    """Return what the Python client knows after each frame, and whether it would subscribe again."""
    known: Known | None = None
    told: Told = []
    for line in lines:
        known, is_missing = receive(known, read_server_frame(line.decode()))
        state = known and [known.epoch, known.rev, dict(sorted(known.seats.items()))]
        told.append([state, is_missing])
    return told


async def play_in_node(histories: list[list[bytes]]) -> list[Told]:
    assert _NODE is not None
    process = await asyncio.create_subprocess_exec(
        _NODE,
        str(FOLDER.parent / "tests/web/reduce.mjs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    text = b"".join(b"[" + b",".join(lines) + b"]\n" for lines in histories)
    output, _ = await process.communicate(text)
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]


async def test_pages_and_programs_make_the_same_of_the_same_frames() -> None:
    encode = msgspec.json.Encoder().encode
    histories = [
        [encode(frame) for frame in frames_of(random.Random(seed))] for seed in range(HISTORIES)
    ]
    theirs = await play_in_node(histories)
    ours = [play(lines) for lines in histories]
    assert len(theirs) == HISTORIES
    for seed, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        assert mine == other, f"seed {seed}"
    # A comparison of nothing with nothing shows nothing: the histories have gaps, news and old news in them.
    states = [state for told in ours for state, _ in told]
    assert sum(is_missing for told in ours for _, is_missing in told) > HISTORIES
    assert len({json.dumps(state) for state in states}) > HISTORIES
