"""The thread in which tickets are drawn: one after the other, and not without end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from threading import Event

import pytest

from server.ticketing import desk as desk_module
from server.ticketing import pdf
from server.ticketing.desk import TicketDesk
from store.errors import Overloaded, WrongState
from tests.ticketing.trips import KEYS, make_booking, make_bus


@pytest.fixture
async def desk() -> AsyncIterator[TicketDesk]:
    opened = TicketDesk(KEYS)
    yield opened
    opened.close()


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Let drawing take until this is set."""
    goes_on = Event()

    def wait(*_: object) -> bytes:
        goes_on.wait(30)
        return b"drawn"

    monkeypatch.setattr(pdf, "render", wait)
    yield goes_on
    goes_on.set()


async def test_who_comes_when_the_queue_is_full_is_sent_away_and_the_others_are_served(
    desk: TicketDesk, stuck: Event
) -> None:
    booking = make_booking()
    waiting = [
        asyncio.create_task(desk.draw_pdf(booking, "en", "a4")) for _ in range(desk_module._QUEUE)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await desk.draw_pdf(booking, "en", "a4")
    stuck.set()
    assert await asyncio.gather(*waiting) == [b"drawn"] * desk_module._QUEUE


async def test_nobody_waits_longer_than_the_deadline(
    desk: TicketDesk, stuck: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk_module, "_DEADLINE_SECONDS", 0.05)
    with pytest.raises(Overloaded):
        await desk.draw_pdf(make_booking(), "en", "a4")
    stuck.set()
    monkeypatch.setattr(desk_module, "_DEADLINE_SECONDS", 30.0)
    assert await desk.draw_pdf(make_booking(), "en", "a4") == b"drawn"


async def test_a_ticket_that_opens_no_door_has_no_code(desk: TicketDesk) -> None:
    booking = make_booking(("Ann",), tickets=("NO_SHOW",))
    with pytest.raises(WrongState):
        await desk.draw_code(booking, booking.tickets[0])


def test_an_edition_is_another_for_whatever_is_drawn_otherwise(desk: TicketDesk) -> None:
    booking = make_booking(("Ann", "Bob"))
    others = [
        make_booking(("Ann", "Bea")),
        make_booking(("Ann", "Bob"), tickets=("VALID", "CANCELLED")),
        make_booking(("Ann", "Bob"), bus=make_bus(facts=2)),
    ]
    named = {desk.edition(each, "pdf", "en", "a4") for each in (booking, *others)}
    named |= {desk.edition(booking, "pdf", "de", "a4"), desk.edition(booking, "ics", "en")}
    assert len(named) == 6
    assert desk.edition(booking, "ics", "en") in named
