import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.shop import Shop, new_key, purchase
from tests.support.waiting import wait_until

Client = httpx2.AsyncClient


async def test_a_direct_booking_waits_to_be_paid(shop: Shop, guest: Client) -> None:
    bus = await shop.bus(segments=4)
    booked = await shop.book(guest, bus, ["1A", "1B"], to_stop=shop.stops[1])
    assert booked.keys() >= {"ref", "access_key", "status", "bus_id", "seats", "passengers"}
    assert booked.keys() >= {"total", "expires_at", "payment"}
    assert (booked["status"], booked["bus_id"]) == ("PENDING", bus)
    assert booked["seats"] == ["1A", "1B"]
    assert [person["name"] for person in booked["passengers"]] == ["Passenger 1A", "Passenger 1B"]
    assert booked["total"] == {"amount": 1000, "currency": "EUR"}
    payment = booked["payment"]
    assert (payment["status"], payment["method"]) == ("PENDING", "demo")
    assert payment["action"]["url"] == f"/api/v1/payments/{payment['id']}/demo"
    assert (await shop.seats(bus))["1A"] == "LOCKED"


async def test_a_hold_becomes_a_booking_at_its_price(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    held = await shop.hold(guest, bus, ["1A"])
    wanted = purchase(["1A"]) | {"hold_id": held["id"]}
    booked = await guest.post("/bookings", json=wanted, headers=new_key())
    assert booked.status_code == 201
    assert booked.json()["total"] == held["total"]
    again = await guest.post("/bookings", json=wanted, headers=new_key())
    problem(again, 410, "hold_expired")


async def test_an_expired_hold_cannot_be_booked(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    held = await shop.hold(guest, bus, ["1A"])
    await shop.let_time_pass(bus)
    wanted = purchase(["1A"]) | {"hold_id": held["id"]}
    problem(await guest.post("/bookings", json=wanted, headers=new_key()), 410, "hold_expired")


async def test_a_hold_that_never_was_cannot_be_booked(guest: Client) -> None:
    wanted = purchase(["1A"]) | {"hold_id": "AAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAA"}
    answer = await guest.post("/bookings", json=wanted, headers=new_key())
    told = problem(answer, 404, answer.json()["code"])
    assert told["code"] in {"hold_not_found", "not_found"}


async def test_a_paid_demo_booking_is_confirmed_and_has_tickets(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    paid = await shop.pay(await shop.book(guest, bus, ["1A", "1B"]))
    assert (paid["status"], paid["payment"]["status"]) == ("CONFIRMED", "SUCCEEDED")
    assert paid["expires_at"] is None
    assert all(person["ticket"] for person in paid["passengers"])
    assert (await shop.seats(bus))["1A"] == "BOOKED"


async def test_paying_twice_is_paying_once(shop: Shop, guest: Client) -> None:
    booked = await shop.book(guest, await shop.bus(), ["1A"])
    assert await shop.pay(booked) == await shop.pay(booked)


async def test_a_declined_booking_has_failed_and_its_seats_are_free(
    shop: Shop, guest: Client
) -> None:
    bus = await shop.bus()
    booked = await shop.book(guest, bus, ["1A"])
    declined = await shop.pay(booked, "declined")
    assert (declined["status"], declined["payment"]["status"]) == ("FAILED", "DECLINED")
    assert (await shop.seats(bus))["1A"] == "AVAILABLE"
    late = await guest.post(
        f"/payments/{booked['payment']['id']}/demo", json={"outcome": "succeeded"}
    )
    problem(late, 409, "wrong_state")


async def test_nobody_pays_once_the_time_to_pay_is_over(shop: Shop, guest: Client) -> None:
    bus = await shop.bus()
    booked = await shop.book(guest, bus, ["1A"])
    await shop.let_time_pass(bus)
    late = await guest.post(
        f"/payments/{booked['payment']['id']}/demo", json={"outcome": "succeeded"}
    )
    problem(late, 410, "hold_expired")
    await shop.book(guest, bus, ["1A"])


async def test_a_booking_that_nobody_paid_in_time_expires_by_itself(
    shop: Shop, rider: Client
) -> None:
    bus = await shop.bus()
    booked = await shop.book(rider, bus, ["1A"])
    await shop.let_time_pass(bus)

    async def is_expired() -> bool:
        shown = (await rider.get(f"/bookings/{booked['ref']}")).json()
        return bool(shown["status"] == "EXPIRED" and "action" not in shown["payment"])

    await wait_until(is_expired)
    await wait_until(lambda: is_free(shop, bus, "1A"))


async def is_free(shop: Shop, bus: str, seat: str) -> bool:
    return (await shop.seats(bus))[seat] == "AVAILABLE"


async def test_an_agent_takes_cash_and_the_booking_is_confirmed_at_once(
    shop: Shop, agent: Client
) -> None:
    bus = await shop.bus()
    booked = await shop.book(agent, bus, ["1A"], method="cash")
    assert (booked["status"], booked["payment"]["status"]) == ("CONFIRMED", "SUCCEEDED")
    assert "action" not in booked["payment"]
    assert (await shop.seats(bus))["1A"] == "BOOKED"


@pytest.mark.parametrize("who", [None, "rider"])
async def test_nobody_else_pays_in_cash(shop: Shop, who: str | None) -> None:
    bus = await shop.bus()
    wanted = purchase(["1A"], "cash") | {"bus_id": bus, "seats": ["1A"]}
    answer = await shop.client(who).post("/bookings", json=wanted, headers=new_key())
    problem(answer, 403, "forbidden")
    assert (await shop.seats(bus))["1A"] == "AVAILABLE"


async def test_an_agent_of_another_operator_takes_no_cash_here(shop: Shop) -> None:
    bus = await shop.bus()
    wanted = purchase(["1A"], "cash") | {"bus_id": bus, "seats": ["1A"]}
    answer = await shop.client("rival_agent").post("/bookings", json=wanted, headers=new_key())
    problem(answer, 403, "forbidden")
    assert (await shop.seats(bus))["1A"] == "AVAILABLE"


@pytest.mark.parametrize("method", ["stripe", "razorpay"])
async def test_a_payment_method_that_is_not_set_up_is_refused(
    shop: Shop, guest: Client, method: str
) -> None:
    wanted = purchase(["1A"], method) | {"bus_id": await shop.bus(), "seats": ["1A"]}
    answer = await guest.post("/bookings", json=wanted, headers=new_key())
    assert bad_input(answer) == ["/payment_method"]


async def test_taken_seats_are_named(shop: Shop, guest: Client, agent: Client) -> None:
    bus = await shop.bus()
    await shop.book(agent, bus, ["1A"], method="cash")
    await shop.hold(guest, bus, ["1B"])
    wanted = purchase(["1A", "1B", "1C"]) | {"bus_id": bus, "seats": ["1A", "1B", "1C"]}
    refused = await guest.post("/bookings", json=wanted, headers=new_key())
    assert problem(refused, 409, "seat_unavailable")["seats"] == [
        {"seat": "1A", "status": "BOOKED"},
        {"seat": "1B", "status": "LOCKED"},
    ]
    assert (await shop.seats(bus))["1C"] == "AVAILABLE"


async def test_a_guest_sees_the_booking_with_its_key_only(shop: Shop, guest: Client) -> None:
    booked = await shop.book(guest, await shop.bus(), ["1A"])
    url, key = f"/bookings/{booked['ref']}", booked["access_key"]
    shown = await guest.get(url, headers={"x-booking-key": key})
    assert shown.status_code == 200
    # The key itself is told to the buyer only, and once.
    assert shown.json() == {name: value for name, value in booked.items() if name != "access_key"}
    problem(await guest.get(url), 401, "unauthenticated")
    problem(await guest.get(url, headers={"x-booking-key": key[::-1]}), 404, "not_found")
    problem(await guest.get(url, headers={"x-booking-key": ""}), 404, "not_found")


async def test_a_booking_is_shown_to_its_buyer_and_to_the_operators_staff(
    shop: Shop, rider: Client
) -> None:
    url = f"/bookings/{(await shop.book(rider, await shop.bus(), ['1A']))['ref']}"
    for who in ("rider", "agent", "manager", "support", "admin"):
        assert (await shop.client(who).get(url)).status_code == 200, who
    for who in ("other_rider", "rival", "rival_agent"):
        problem(await shop.client(who).get(url), 404, "not_found")
        problem(await shop.client(who).post(f"{url}/cancel", json={}), 404, "not_found")
        problem(await shop.client(who).post(f"{url}/refund-quote", json={}), 404, "not_found")


async def test_riders_list_their_own_bookings_newest_first_and_page_by_page(
    shop: Shop, rider: Client, other_rider: Client
) -> None:
    bus = await shop.bus()
    refs = [(await shop.book(rider, bus, [seat]))["ref"] for seat in ("1A", "1B", "1C")]
    await shop.book(other_rider, bus, ["2A"])
    first = (await rider.get("/bookings", params={"limit": 2})).json()
    assert [booking["ref"] for booking in first["items"]] == refs[:0:-1]
    second = (await rider.get("/bookings", params={"cursor": first["next_cursor"]})).json()
    assert second["items"][0]["ref"] == refs[0]
    assert "access_key" not in first["items"][0]


async def test_guests_have_no_list_of_bookings(guest: Client) -> None:
    problem(await guest.get("/bookings"), 401, "unauthenticated")


async def test_cancelling_gives_the_seats_and_the_money_back(shop: Shop, rider: Client) -> None:
    bus = await shop.bus()
    paid = await shop.pay(await shop.book(rider, bus, ["1A", "1B"]))
    url = f"/bookings/{paid['ref']}"
    quote = await rider.post(f"{url}/refund-quote")
    assert quote.status_code == 200
    assert quote.json()["refund"] == {"amount": 4000, "currency": "EUR"}
    assert (await shop.seats(bus))["1A"] == "BOOKED", "a quote changes nothing"
    cancelled = await rider.post(f"{url}/cancel")
    assert cancelled.status_code == 200
    assert cancelled.json()["status"] == "CANCELLED"
    assert cancelled.json()["refunded"] == quote.json()["refund"]
    seats = await shop.seats(bus)
    assert (seats["1A"], seats["1B"]) == ("AVAILABLE", "AVAILABLE")
    problem(await rider.post(f"{url}/cancel"), 409, "wrong_state")


async def test_one_seat_can_be_cancelled_alone_and_then_the_rest(shop: Shop, rider: Client) -> None:
    bus = await shop.bus()
    paid = await shop.pay(await shop.book(rider, bus, ["1A", "1B"]))
    url = f"/bookings/{paid['ref']}/cancel"
    partly = await rider.post(url, json={"seats": ["1A"]})
    assert partly.json()["status"] == "PARTIALLY_CANCELLED"
    assert partly.json()["refunded"] == {"amount": 2000, "currency": "EUR"}
    seats = await shop.seats(bus)
    assert (seats["1A"], seats["1B"]) == ("AVAILABLE", "BOOKED")
    problem(await rider.post(url, json={"seats": ["1A"]}), 409, "wrong_state")
    wholly = await rider.post(url, json={"seats": ["1B"]})
    assert wholly.json()["status"] == "CANCELLED"
    assert wholly.json()["refunded"] == {"amount": 4000, "currency": "EUR"}


async def test_an_unpaid_booking_can_be_cancelled_and_costs_nothing(
    shop: Shop, guest: Client
) -> None:
    bus = await shop.bus()
    booked = await shop.book(guest, bus, ["1A"])
    cancelled = await guest.post(
        f"/bookings/{booked['ref']}/cancel", headers={"x-booking-key": booked["access_key"]}
    )
    assert cancelled.json()["status"] == "CANCELLED"
    assert "refunded" not in cancelled.json()
    assert (await shop.seats(bus))["1A"] == "AVAILABLE"


async def test_nothing_is_cancelled_once_the_bus_has_left(shop: Shop, rider: Client) -> None:
    bus = await shop.bus()
    paid = await shop.pay(await shop.book(rider, bus, ["1A"]))
    await shop.let_it_leave(bus)
    url = f"/bookings/{paid['ref']}"
    problem(await rider.post(f"{url}/cancel"), 409, "departed")
    problem(await rider.post(f"{url}/refund-quote"), 409, "departed")


@pytest.mark.parametrize("ref", ["ZZZZZZ", "K7QX2", "K7QX2MMMM", "0O1IL0", "' OR 1", "%00"])
async def test_a_ref_that_nobody_has_is_not_found(shop: Shop, rider: Client, ref: str) -> None:
    problem(await rider.get(f"/bookings/{ref}"), 404, "not_found")
    problem(await rider.post(f"/bookings/{ref}/cancel"), 404, "not_found")


@pytest.mark.parametrize("payment", ["x", "A" * 32, "%00", "é"])
async def test_a_payment_that_nobody_made_is_not_found(guest: Client, payment: str) -> None:
    answer = await guest.post(f"/payments/{payment}/demo", json={"outcome": "succeeded"})
    problem(answer, 404, "not_found")
