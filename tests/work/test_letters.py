"""What happens to a booking is told to whoever booked: once, in their language, and only while it is so."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import pytest

from server.config import Settings
from server.texts import texts
from server.ticketing.token import TicketKeys, new_ticket_key
from store import Store
from store.accounts import NewUser
from store.bookings import Purchase, Traveller
from store.bus_edits import BusEdit
from store.bus_status import Step
from store.errors import NotFound
from store.house_keys import TICKETS
from store.jobs import Ending, JobKind, NewJob
from store.letters import QueuedLetter
from store.mails import Template
from store.model import GUEST, Booking, Caller, Contact, Role
from store.scans import SignedTicket
from tests.support.errands import run_errands
from tests.support.mailbox import Mailbox, text_of
from tests.support.world import World, value
from tests.ticketing.pages import see

ANN = "ann@example.org"
TO_ANN = Contact(ANN)
FAR = timedelta(days=3)


@pytest.fixture
async def worker(world: World) -> Store:
    return await world.worker()


@pytest.fixture
def mailbox(worker: Store, tmp_path: Path) -> Mailbox:
    return Mailbox(worker, tmp_path / "mail")


async def book(
    world: World,
    bus: int,
    seats: Sequence[str] = ("1A",),
    *,
    contact: Contact = TO_ANN,
    method: str = "cash",
    caller: Caller = GUEST,
    name: str = "Passenger {seat}",
) -> Booking:
    request = await world.request(bus, seats)
    people = [Traveller(seat, name.format(seat=seat)) for seat in seats]
    purchase = Purchase(people, contact, method, is_paid=method == "cash")
    return await value(lambda ask: world.store.bookings.book(caller, request, purchase, ask))


async def queued(world: World) -> list[str]:
    rows = await world.edit("SELECT template FROM mails ORDER BY created_at")
    return [row["template"] for row in rows]


async def newest(mailbox: Mailbox, address: str = ANN) -> EmailMessage:
    return (await mailbox.to(address))[-1]


async def bring_reminders_near(world: World) -> None:
    """Make it as late as when the reminder comes: the bus leaves within the day."""
    await world.edit(
        "UPDATE bus_stops SET departs_at = departs_at - interval '10 hours',"
        " arrives_at = arrives_at - interval '10 hours'"
    )
    await world.edit("UPDATE buses SET facts = facts + 1")
    await world.edit("UPDATE jobs SET due_at = clock_timestamp() WHERE kind = 'REMINDER'")


async def pay_late(world: World) -> None:
    """Queue what whoever takes the money queues when it comes late."""
    await world.edit(
        "INSERT INTO jobs (bus_id, booking_id, job_id, operator_id, kind, due_at, created_at)"
        " SELECT bus_id, booking_id, gen_random_uuid(), operator_id, 'PAYMENT_LATE', now(), now()"
        " FROM jobs LIMIT 1"
    )


async def test_who_has_paid_gets_the_tickets_and_a_link_that_opens_the_booking(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    booking = await book(world, await world.bus(departs_in=FAR), ["1A", "1B"], method="demo")
    await run_errands(worker)
    assert await mailbox.to(ANN) == [], "nothing is paid yet"
    await world.pay(booking)
    await run_errands(worker)
    (letter,) = await mailbox.to(ANN)
    text = text_of(letter)
    assert "Passenger 1B" in text
    assert letter["From"].addresses[0].display_name == "Northline"
    (link,) = (line for line in text.splitlines() if line.startswith("https://"))
    assert link.startswith(f"https://tickets.example/bookings/{booking.ref}#key=")
    key = link.partition("#key=")[2]
    assert world.store.seals.is_access_key(key, booking.booking_id)
    assert not world.store.seals.is_access_key(key, booking.booking_id + 1)
    assert key != world.store.seals.access_key(booking.booking_id), "the worker knows no seal"


async def test_tickets_and_the_trip_for_a_calendar_come_with_the_mail(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    booking = await book(world, await world.bus(departs_in=FAR), ["1A", "1B"])
    await run_errands(worker)
    (letter,) = await mailbox.to(ANN)
    files = {part.get_content_type(): part for part in letter.iter_attachments()}
    assert files.keys() == {"application/pdf", "text/calendar"}
    drawn = files["application/pdf"].get_payload(decode=True)
    assert isinstance(drawn, bytes)
    pages = see(drawn)
    keys = TicketKeys(await world.store.house_keys.find_or_make(TICKETS, new_ticket_key))
    read = [keys.read(code) for page in pages for code in page.codes]
    seen = [(found.booking_id, found.seat_no) for found in read if isinstance(found, SignedTicket)]
    assert seen == [(booking.booking_id, ticket.seat_no) for ticket in booking.tickets]
    assert "BEGIN:VEVENT" in str(files["text/calendar"].get_content())
    assert "Attached are the tickets" in text_of(letter)


async def test_a_job_that_is_done_twice_sends_one_mail(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    await book(world, await world.bus(departs_in=FAR))
    await run_errands(worker)
    await world.edit("UPDATE jobs SET state = 'QUEUED', done_at = NULL, due_at = created_at")
    assert [outcome.ending for outcome in await run_errands(worker)] == [Ending.DONE, Ending.DONE]
    assert len(await mailbox.to(ANN)) == 1
    rows = await world.edit("SELECT FROM jobs WHERE kind = 'REMINDER'")
    assert len(rows) == 1


async def test_nobody_is_written_to_for_what_was_never_paid(world: World, worker: Store) -> None:
    bus = await world.bus(departs_in=FAR)
    await world.decline(await book(world, bus, ["1A"], method="demo"))
    await world.cancel(await book(world, bus, ["1B"], method="demo"))
    overdue = await book(world, bus, ["2A"], method="demo")
    await world.let_time_pass(overdue)
    await world.store.expiry.sweep()
    await run_errands(worker)
    assert await queued(world) == []
    rows = await world.edit("SELECT count(*) AS jobs FROM jobs WHERE state = 'DONE'")
    assert rows[0]["jobs"] == 3


async def test_who_gave_no_address_is_written_to_by_nobody(world: World, worker: Store) -> None:
    booking = await book(world, await world.bus(departs_in=FAR), contact=Contact(phone="+49 30 1"))
    await world.cancel(booking)
    assert {outcome.ending for outcome in await run_errands(worker)} == {Ending.DONE}
    assert await queued(world) == []


async def test_who_cancels_is_told_what_comes_back(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    booking = await book(world, await world.bus(departs_in=FAR), ["1A", "1B", "2A"])
    await run_errands(worker)
    await mailbox.to(ANN)
    await world.cancel(booking, ["1A", "2A"])
    await run_errands(worker)
    letter = await newest(mailbox)
    text = " ".join(text_of(letter).split())
    assert letter["Subject"] == f"Part of booking {booking.ref} is cancelled"
    assert "Seats 1A and 2A" in text
    assert "You get €40.00 back where you bought the ticket." in text
    assert "Passenger 1B" in text
    assert "Passenger 2A" not in text
    await world.cancel(booking)
    await run_errands(worker)
    assert (await newest(mailbox))["Subject"] == f"Booking {booking.ref} is cancelled"


async def test_a_ticket_whose_booking_was_cancelled_before_its_mail_left_is_not_sent(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    booking = await book(world, await world.bus(departs_in=FAR))
    await run_errands(worker)
    await world.cancel(booking)
    await run_errands(worker)
    assert await queued(world) == ["ticket", "booking_cancelled"]
    (letter,) = await mailbox.to(ANN)
    assert letter["Subject"] == f"Booking {booking.ref} is cancelled"
    assert await queued(world) == ["booking_cancelled"]


async def test_a_bus_that_does_not_go_is_told_to_everyone_once(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    bus = await world.bus(departs_in=FAR)
    await book(world, bus)
    await book(world, bus, ["1B"], contact=Contact("bob@example.org"))
    await run_errands(worker)
    await mailbox.to(ANN)
    await value(
        lambda ask: world.store.bus_status.move(world.manager(), bus, Step.CANCEL, None, ask)
    )
    await run_errands(worker)
    assert "€" in text_of(await newest(mailbox)), "it says what comes back"
    subjects = await mailbox.subjects(ANN)
    assert len(subjects) == 2
    assert subjects[1].startswith("Your bus does not run: ")
    assert len(await mailbox.subjects("bob@example.org")) == 2


async def test_a_bus_that_goes_at_another_time_is_told_with_the_old_one(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    bus = await world.bus(departs_in=FAR, segments=3)
    request = await world.request(bus, ["1A"], (1, 3))
    purchase = Purchase([Traveller("1A", "Ann")], Contact(ANN), "cash", is_paid=True)
    await value(lambda ask: world.store.bookings.book(GUEST, request, purchase, ask))
    await run_errands(worker)
    before = (await world.store.buses.find(bus)).stops
    later = BusEdit(departs_at=before[0].departs_at + timedelta(hours=2))
    await world.store.bus_edits.change(world.manager(), bus, later, None)
    await run_errands(worker)
    letter = await newest(mailbox)
    text = " ".join(text_of(letter).split())
    assert str(letter["Subject"]).startswith("Changed: Line 1 stop 1 to Line 1 stop 3")
    told = "Before, it was to leave at this time: "
    clock = text.partition(told)[2]
    zone = before[1].time_zone
    assert clock.startswith(f"{texts('en').date(before[1].departs_at, zone)}, ")
    assert texts("en").time(before[1].departs_at, zone) in clock.split(" Booking code")[0]
    moved = before[1].departs_at + timedelta(hours=2)
    assert f"Departure: {texts('en').date(moved, zone)}, {texts('en').time(moved, zone)}" in text


async def test_riders_are_reminded_once_before_they_leave(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    bus = await world.bus(departs_in=timedelta(hours=30))
    booking = await book(world, bus)
    await run_errands(worker)
    (row,) = await world.edit("SELECT due_at FROM jobs WHERE kind = 'REMINDER'")
    assert row["due_at"] == booking.bus.stops[0].departs_at - timedelta(hours=24)
    assert await queued(world) == ["ticket"]
    # Later: the same bus, now near.
    await bring_reminders_near(world)
    await run_errands(worker)
    letter = await newest(mailbox)
    assert str(letter["Subject"]).startswith("Your bus to ")
    await world.edit("UPDATE jobs SET state = 'QUEUED', done_at = NULL, due_at = created_at")
    await run_errands(worker)
    assert await queued(world) == ["ticket", "reminder"]


@pytest.mark.parametrize(
    ("departs_in", "hours"), [(timedelta(hours=25), 24), (FAR, 0), (timedelta(hours=3), 2)]
)
async def test_who_buys_shortly_before_or_where_nobody_is_reminded_gets_no_reminder(
    world: World, worker: Store, departs_in: timedelta, hours: int
) -> None:
    await book(world, await world.bus(departs_in=departs_in))
    await run_errands(worker, Settings(reminder_hours=hours))
    assert await world.edit("SELECT FROM jobs WHERE kind = 'REMINDER'") == []


@pytest.mark.parametrize("when", ["before it is due", "while its mail waits"])
async def test_nobody_is_reminded_of_a_booking_that_was_cancelled(
    world: World, worker: Store, mailbox: Mailbox, when: str
) -> None:
    booking = await book(world, await world.bus(departs_in=timedelta(hours=30)))
    await run_errands(worker)
    await mailbox.to(ANN)
    if when == "before it is due":
        await world.cancel(booking)
    await bring_reminders_near(world)
    await run_errands(worker)
    if when == "while its mail waits":
        assert "reminder" in await queued(world)
        await world.cancel(booking)
        await run_errands(worker)
    subjects = await mailbox.subjects(ANN)
    assert len(subjects) == 2
    assert subjects[1] == f"Booking {booking.ref} is cancelled"


async def test_a_mail_is_in_the_language_of_the_booking_then_of_the_account_then_of_the_operator(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    user = await world.store.accounts.add(NewUser("Ann", "user@example.org", "hash", locale="es"))
    rider = Caller(user.user_id, Role.RIDER)
    await world.edit("UPDATE operators SET locale = 'hi'")
    bus = await world.bus(departs_in=FAR)
    await book(world, bus, ["1A"], contact=Contact("a@example.org", locale="ar"), caller=rider)
    await book(world, bus, ["1B"], contact=Contact("b@example.org"), caller=rider)
    await book(world, bus, ["2A"], contact=Contact("c@example.org"))
    await book(world, bus, ["2B"], contact=Contact("d@example.org", locale="hi"))
    await run_errands(worker)
    wanted = {
        "a@example.org": "ar",
        "b@example.org": "es",
        "c@example.org": "hi",
        "d@example.org": "hi",
    }
    for address, locale in wanted.items():
        assert (await newest(mailbox, address))["Content-Language"] == locale
    rows = await world.edit("SELECT locale FROM bookings WHERE locale IS NOT NULL")
    assert [row["locale"] for row in rows] == ["ar"], "what the operator writes anyway costs no row"


async def test_a_language_is_kept_also_when_the_booking_is_paid_later(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    bus = await world.bus(departs_in=FAR)
    booking = await book(world, bus, contact=Contact(ANN, locale="de"), method="demo")
    assert booking.contact.locale == "de"
    await world.pay(booking)
    found = await world.store.lookup.find(bus, booking.booking_id)
    assert found.contact == Contact(ANN, locale="de")
    await run_errands(worker)
    assert (await newest(mailbox))["Content-Language"] == "de"


async def test_an_erased_buyer_is_written_to_no_more(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    user = await world.store.accounts.add(NewUser("Ann", ANN, "hash"))
    booking = await book(
        world, await world.bus(departs_in=FAR), caller=Caller(user.user_id, Role.RIDER)
    )
    await run_errands(worker)
    await mailbox.to(ANN)
    await world.cancel(booking)
    await run_errands(worker)
    told = (await world.store.personal.show(user.user_id)).mails
    assert [mail.template for mail in told] == ["ticket", "booking_cancelled"]
    await world.store.personal.erase(user)
    assert await queued(world) == []
    await world.edit("UPDATE jobs SET state = 'QUEUED', done_at = NULL, due_at = created_at")
    await run_errands(worker)
    assert await queued(world) == []


async def test_a_mail_that_waits_for_a_booking_without_its_address_is_dropped(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    booking = await book(world, await world.bus(departs_in=FAR))
    await run_errands(worker)
    await world.edit("UPDATE bookings SET email = 'other@example.org'")
    assert await mailbox.to(ANN) == []
    assert await queued(world) == []
    trip = await worker.letters.find(booking.bus.bus_id, booking.booking_id)
    assert trip.booking.contact.email == "other@example.org"


async def test_a_late_payment_is_told_by_what_came_of_it(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    bus = await world.bus(departs_in=FAR)
    booking = await book(world, bus)
    await pay_late(world)
    await run_errands(worker)
    assert len(await mailbox.to(ANN)) == 1, "the tickets say it: no second mail"
    await world.cancel(booking)
    await run_errands(worker)
    await mailbox.to(ANN)
    await pay_late(world)
    await run_errands(worker)
    assert (await newest(mailbox))[
        "Subject"
    ] == f"Your payment came too late: booking {booking.ref}"


async def test_mail_and_reminder_are_queued_together_or_not_at_all(
    world: World, worker: Store
) -> None:
    booking = await book(world, await world.bus(departs_in=FAR))
    trip = await worker.letters.find(booking.bus.bus_id, booking.booking_id)
    stray = NewJob(booking.booking_id + 1, JobKind.REMINDER, due_at=datetime.now(UTC))
    letter = QueuedLetter(uuid.uuid4(), Template.TICKET)
    with pytest.raises(NotFound):
        await worker.letters.queue(trip, letter, follow_up=[stray])
    assert await queued(world) == []


async def test_who_was_moved_is_told_the_seat_and_gets_the_ticket_as_it_is_now(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    bus = await world.bus(departs_in=FAR)
    booking = await book(world, bus, ["1A", "1B"])
    await run_errands(worker)
    await mailbox.to(ANN)
    moves, code = world.store.passenger_moves, booking.tickets[0].code
    for seat in ("3C", "4D"):
        await value(partial(moves.move, world.agent(), booking, code, seat))
    await run_errands(worker)
    first, letter = await mailbox.to(ANN)
    assert str(first["Subject"]).startswith("Your tickets:")
    text = text_of(letter)
    assert "4D instead of 3C" in str(letter["Subject"])
    assert "Passenger 1A" in text
    (drawn,) = (
        part.get_payload(decode=True)
        for part in letter.iter_attachments()
        if part.get_content_type() == "application/pdf"
    )
    assert isinstance(drawn, bytes)
    assert len(see(drawn)) == 2


async def test_a_mail_that_is_asked_for_again_says_how_the_booking_stands_by_then(
    world: World, worker: Store, mailbox: Mailbox
) -> None:
    booking = await book(world, await world.bus(departs_in=FAR), ["1A", "1B"])
    await run_errands(worker)
    await mailbox.to(ANN)
    again = partial(world.store.resends.send, world.agent(), booking)
    await value(again)
    await run_errands(worker)
    tickets = await mailbox.to(ANN)
    assert [str(each["Subject"]).startswith("Your tickets:") for each in tickets] == [True, True]
    assert text_of(tickets[0]) == text_of(tickets[1])
    await world.cancel(booking)
    await value(again)
    await run_errands(worker)
    subjects = [str(each["Subject"]) for each in await mailbox.to(ANN)]
    assert subjects[2:] == [f"Booking {booking.ref} is cancelled"] * 2
    assert "back where you bought the ticket" in text_of(await newest(mailbox))
