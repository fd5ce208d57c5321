"""What is held about a person is shown to them, and is gone when they want it: not one column still knows them."""

import secrets
import uuid
from pathlib import Path

import pytest

from tests.api.answers import problem
from tests.api.members import Member
from tests.api.shop import Json, Shop, new_key
from tests.support.mailbox import Mailbox
from tests.support.traces import find_traces


@pytest.fixture
def mailbox(shop: Shop, tmp_path: Path) -> Mailbox:
    return Mailbox(shop.store, tmp_path / "mail")


@pytest.fixture
async def member(shop: Shop) -> Member:
    # All tests here share a database, so nobody else may have a word of theirs.
    return await Member.register(shop, name=f"Waldtraut W{secrets.token_hex(5)}")


def contact(member: Member) -> Json:
    number = uuid.UUID(member.email.partition("@")[0])
    return {"email": f"w@{number}.example", "phone": f"+49 30 {number.int % 10**9:09}"}


def words(member: Member) -> list[str]:
    """Return what tells a person from everybody else, wherever it may stand."""
    reached = contact(member)
    return [member.name.split()[1], member.email.partition("@")[0], reached["phone"]]


async def book(member: Member, bus: str, seat: str, method: str = "demo") -> Json:
    body = {
        "bus_id": bus,
        "seats": [seat],
        "passengers": [{"seat": seat, "name": member.name}],
        "contact": contact(member),
        "payment_method": method,
    }
    client = member.shop.client()
    headers = {"authorization": f"Bearer {member.token}", **new_key()}
    booked = await client.post("/bookings", json=body, headers=headers)
    assert booked.status_code == 201, booked.text
    told: Json = booked.json()
    return told


async def find(shop: Shop, member: Member) -> list[str]:
    return await find_traces(shop.owner.fetch, words(member))


async def erase(member: Member) -> None:
    answer = await member.ask("DELETE", "/auth/me", {"password": member.password})
    assert answer.status_code == 204, answer.text


async def test_an_erased_person_is_found_in_no_column_of_the_database(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    over, cancelled, unpaid = [await shop.bus() for _ in range(3)]
    await shop.pay(await book(member, over, "1A"))
    await shop.let_it_leave(over)
    paid = await shop.pay(await book(member, cancelled, "1A"))
    await member.ask("POST", f"/bookings/{paid['ref']}/cancel", {})
    await book(member, unpaid, "1A")
    await shop.let_time_pass(unpaid)
    await mailbox.to(member.email)
    await shop.client().post("/auth/password/forgot", json={"email": member.email})
    wanted = {"email": f"new-{member.email}", "password": member.password}
    await member.ask("PATCH", "/auth/me", wanted)
    before = await find(shop, member)
    assert {"users.name", "users.email", "bookings.names", "mails.recipient"} <= set(before)
    assert "idempotency_keys.response" in before, "answers are kept, and hold what the booking held"
    await erase(member)
    assert await find(shop, member) == []


async def test_what_was_sold_stays_in_the_books(shop: Shop, member: Member) -> None:
    bus = await shop.bus()
    paid = await shop.pay(await book(member, bus, "1A"))
    await shop.let_it_leave(bus)
    ledger = (
        "SELECT (b.ref, b.status, b.seats, b.prices, b.created_at, p.amount, p.status)::text FROM bookings AS b"
        " JOIN payments AS p USING (bus_id, booking_id) WHERE b.ref = $1"
    )
    before = await shop.owner.fetchval(ledger, paid["ref"])
    await erase(member)
    assert await shop.owner.fetchval(ledger, paid["ref"]) == before
    shown = (await shop.client("manager").get(f"/bookings/{paid['ref']}")).json()
    assert shown["passengers"][0]["name"] == "Erased"
    assert shown["contact"] == {}


async def test_whoever_still_travels_cannot_be_erased(shop: Shop, member: Member) -> None:
    paid = await shop.pay(await book(member, await shop.bus(), "1A"))
    refused = await member.ask("DELETE", "/auth/me", {"password": member.password})
    told = problem(refused, 409, "trips_ahead")
    assert paid["ref"] in told["detail"]
    assert (await member.me())["name"] == member.name
    await member.ask("POST", f"/bookings/{paid['ref']}/cancel", {})
    await erase(member)


async def test_whoever_is_about_to_pay_cannot_be_erased(shop: Shop, member: Member) -> None:
    await book(member, await shop.bus(), "1A")
    refused = await member.ask("DELETE", "/auth/me", {"password": member.password})
    problem(refused, 409, "trips_ahead")


async def test_nobody_enters_by_an_erased_account_and_its_address_is_free_again(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    await shop.client().post("/auth/password/forgot", json={"email": member.email})
    tokens = [await mailbox.token(member.email, kind) for kind in ("verify", "reset")]
    await erase(member)
    problem(await member.sign_in(), 401, "unauthenticated")
    problem(await member.ask("GET", "/auth/me"), 401, "unauthenticated")
    assert not await member.is_session_alive()
    guest = shop.client()
    problem(await guest.post("/auth/verify", json={"token": tokens[0]}), 410, "link_expired")
    body = {"token": tokens[1], "password": "battery staple"}
    problem(await guest.post("/auth/password/reset", json=body), 410, "link_expired")
    again = {"name": "Ann", "email": member.email, "password": "correct horse"}
    assert (await guest.post("/auth/register", json=again)).status_code == 201


async def test_everybody_elses_words_stay(shop: Shop, member: Member) -> None:
    other = await Member.register(shop, name="Othmar Other")
    bus = await shop.bus()
    theirs = await shop.pay(await book(other, bus, "2A"))
    await shop.pay(await book(member, bus, "1A"))
    await shop.let_it_leave(bus)
    await erase(member)
    shown = (await other.ask("GET", f"/bookings/{theirs['ref']}")).json()
    assert shown["passengers"][0]["name"] == other.name
    assert (await other.me())["name"] == "Othmar Other"


async def test_what_has_ended_loses_its_words_and_nothing_else(shop: Shop, member: Member) -> None:
    paid = await shop.pay(await book(member, await shop.bus(), "1A"))
    await member.ask("POST", f"/bookings/{paid['ref']}/cancel", {})
    for change in (
        "prices = '{0}'",
        "email = 'x@y.org'",
        "email = NULL, phone = NULL, prices = '{0}'",
    ):
        with pytest.raises(Exception, match="cannot go from CANCELLED to CANCELLED"):
            await shop.owner.execute(f"UPDATE bookings SET {change} WHERE ref = $1", paid["ref"])  # noqa: S608 - of constants
    await erase(member)


async def test_everything_held_about_a_person_is_shown_to_them_and_to_nobody_else(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    bus = await shop.bus()
    booked = await book(member, bus, "1A")
    await member.ask("POST", f"/buses/{bus}/holds", {"seats": ["2A"]})
    await mailbox.to(member.email)
    await member.sign_in()
    answer = await member.ask("GET", "/auth/me/export")
    assert answer.headers["content-disposition"].startswith("attachment")
    told = answer.json()
    assert told["account"]["email"] == member.email
    assert [each["ref"] for each in told["bookings"]] == [booked["ref"]]
    assert told["bookings"][0]["passengers"][0]["name"] == member.name
    assert told["bookings"][0]["contact"] == contact(member)
    assert [(each["bus_id"], each["seats"]) for each in told["holds"]] == [(int(bus), ["2A"])]
    assert len(told["sessions"]) == 2
    assert [each["recipient"] for each in told["mails"]] == [member.email]
    assert told["deeds"] == []
    for secret in (member.session, booked["access_key"], "argon2", "digest"):
        assert secret not in answer.text
    other = await Member.register(shop)
    assert member.email not in (await other.ask("GET", "/auth/me/export")).text


async def test_staff_see_what_the_log_says_they_did(shop: Shop) -> None:
    bus = await shop.bus()
    blocked = {"bus_id": bus, "seats": ["9A"], "reason": "broken belt"}
    await shop.client("manager").post("/admin/blocks", json=blocked)
    told = (await shop.client("manager").get("/auth/me/export")).json()
    mine = [each for each in told["deeds"] if each["subject"] == f"bus {bus}"]
    assert [(each["action"], each["detail"]["reason"]) for each in mine] == [
        ("seats.block", "broken belt")
    ]


async def test_the_demos_people_cannot_be_taken_from_others(shop: Shop) -> None:
    member = await Member.register(shop)
    await shop.owner.execute(
        "UPDATE users SET email = 'someone@omnibus.example' WHERE email = $1", member.email
    )
    own = member.password
    for method, path, body in (
        ("POST", "/auth/password", {"current": own, "new": "battery staple"}),
        ("PATCH", "/auth/me", {"email": "mine@example.org", "password": own}),
        ("DELETE", "/auth/me", {"password": own}),
    ):
        problem(await member.ask(method, path, body), 403, "forbidden")
    assert (await member.ask("PATCH", "/auth/me", {"name": "Anybody"})).status_code == 200
