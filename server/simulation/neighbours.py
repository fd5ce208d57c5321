"""Others, who book on other buses meanwhile: a process of its own, so that what it measures is not the crowd's work.

`python -m server.simulation.neighbours`, told as JSON in one line what to do; it does that until its input ends, and
answers in one line what it saw.
"""

import asyncio
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field

import msgspec

from server.simulation.exchange import Exchange
from server.simulation.rush import Kind, Visitor
from server.simulation.visit import API

_LINES = 16
_READY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Order:
    """Book so many a second on these buses, seat by seat from the `first` one on, as visitors from `number` on."""

    url: str
    buses: Sequence[str]
    a_second: float
    first: int
    number: int


@dataclass(slots=True)
class Seen:
    """`bookings` are when one was due, by `time.monotonic`, and the seconds until it was answered.

    `codes` are why others were refused.
    """

    bookings: list[tuple[float, float]] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    wanted: int = 0


@asynccontextmanager
async def neighbours(order: Order) -> AsyncIterator[Seen]:
    """Let others book as long as the block lasts; what they saw is there after it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server.simulation.neighbours",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=16_000_000,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    seen = Seen()
    try:
        process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        async with asyncio.timeout(_READY_SECONDS):
            await process.stdout.readline()
        yield seen
        process.stdin.close()
        told = msgspec.json.decode(await process.stdout.read(), type=Seen)
        seen.bookings, seen.codes, seen.wanted = told.bookings, told.codes, told.wanted
    finally:
        if process.returncode is None:
            process.stdin.close()
        await process.wait()


async def _book_until_told(order: Order) -> Seen:
    seen = Seen()
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.read)
    async with Exchange(order.url, _LINES) as exchange, asyncio.TaskGroup() as group:
        seats = [
            (bus, seat)
            for bus in order.buses
            for seat in await _seats_of(exchange, bus)
        ]  # fmt: skip
        # Neighbours in a list are on different buses: nobody waits for the row of another one's bus.
        seats.sort(key=lambda each: each[1])
        _say(b"{}")
        began = time.monotonic()
        for nth, (bus, seat) in enumerate(seats[order.first :]):
            due = began + nth / order.a_second
            await asyncio.wait([ended], timeout=max(0.0, due - time.monotonic()))
            if ended.done():
                break
            seen.wanted += 1
            visitor = Visitor(order.number + nth, 0, Kind.BUYER, 1, is_declined=False, seed=0)
            group.create_task(_book(exchange, seen, (bus, seat), visitor.address, due))
        await ended
    return seen


async def _seats_of(exchange: Exchange, bus: str) -> list[str]:
    shown = await exchange.ask("GET", f"{API}/buses/{bus}/seats")
    return [each["seat"] for each in shown.document.get("seats", ())]


async def _book(
    exchange: Exchange, seen: Seen, which: tuple[str, str], address: str, due: float
) -> None:
    bus, seat = which
    wanted = {
        "bus_id": bus,
        "seats": [seat],
        "passengers": [{"seat": seat, "name": "Somebody else"}],
        "payment_method": "demo",
    }
    headers = {"x-forwarded-for": address, "idempotency-key": secrets.token_hex(16)}
    booked = await exchange.ask("POST", f"{API}/bookings", wanted, headers)
    if booked.status == 201:
        seen.bookings.append((due, time.monotonic() - due))
        path = f"{API}/payments/{booked.document['payment']['id']}/demo"
        await exchange.ask("POST", path, {"outcome": "succeeded"}, {"x-forwarded-for": address})
    else:
        seen.codes.append(booked.code)


def _say(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.flush()


def main() -> None:
    """Read the order, carry it out, and say what was seen."""
    order = msgspec.json.decode(sys.stdin.readline(), type=Order)
    _say(msgspec.json.encode(asyncio.run(_book_until_told(order))))


if __name__ == "__main__":
    main()
