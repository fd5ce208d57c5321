import asyncio
import uuid
from http.cookies import Morsel, SimpleCookie

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.forgeries import FORGERIES, Forger
from tests.api.served import Served
from tests.api.shop import PASSWORD, Json, Shop

Client = httpx2.AsyncClient
COOKIE = "omnibus_refresh"


def newcomer() -> Json:
    return {"name": "Ann Lee", "email": f"{uuid.uuid4()}@example.org", "password": "long enough"}


def cookie(answer: httpx2.Response) -> "Morsel[str]":
    return SimpleCookie(answer.headers["set-cookie"])[COOKIE]


async def refresh(client: Client, token: str) -> httpx2.Response:
    client.cookies.clear()
    return await client.post("/auth/refresh", headers={"cookie": f"{COOKIE}={token}"})


async def test_registering_signs_a_rider_in(guest: Client) -> None:
    who = newcomer()
    answer = await guest.post("/auth/register", json=who)
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() >= {"user", "access_token", "expires_in"}
    assert told["user"] == {
        "id": told["user"]["id"],
        "name": who["name"],
        "email": who["email"],
        "email_verified": False,
        "role": "rider",
    }
    assert 0 < told["expires_in"] <= 900
    assert answer.headers["cache-control"] == "no-store"
    me = await guest.get("/auth/me", headers={"authorization": f"Bearer {told['access_token']}"})
    assert (me.status_code, me.json()) == (200, told["user"])


async def test_the_refresh_cookie_is_out_of_reach_of_scripts_and_other_sites(guest: Client) -> None:
    flags = cookie(await guest.post("/auth/register", json=newcomer()))
    assert flags["httponly"]
    assert flags["samesite"] == "Strict"
    assert flags["path"] == "/api/v1/auth"
    assert flags["domain"] == ""
    assert int(flags["max-age"]) == 7 * 24 * 3600


async def test_an_address_is_registered_once_whatever_its_case(guest: Client) -> None:
    who = newcomer()
    await guest.post("/auth/register", json=who)
    again = await guest.post("/auth/register", json=who | {"email": who["email"].upper()})
    problem(again, 409, "already_exists")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no-at"),
        ("email", "a@b\r\nc"),
        ("email", "a b@c.org"),
        ("email", "x" * 250 + "@c.org"),
        ("password", "short"),
        ("password", "x" * 129),
        ("name", ""),
        ("name", "x" * 121),
        ("name", "a\nb"),
        ("name", None),
    ],
)
async def test_who_registers_gives_a_name_an_address_and_a_password(
    guest: Client, field: str, value: object
) -> None:
    answer = await guest.post("/auth/register", json=newcomer() | {field: value})
    assert bad_input(answer) == [f"/{field}"]
    assert not value or str(value) not in answer.text


@pytest.mark.parametrize("field", ["role", "operator", "operator_id", "user_id", "disabled_at"])
async def test_nobody_chooses_their_own_role(guest: Client, field: str) -> None:
    answer = await guest.post("/auth/register", json=newcomer() | {field: "admin"})
    assert bad_input(answer) == [f"/{field}"]


async def test_signing_in_needs_the_right_password(shop: Shop, guest: Client) -> None:
    right = {"email": "rider@example.org", "password": PASSWORD}
    answer = await guest.post("/auth/login", json=right)
    assert answer.status_code == 200
    assert answer.json()["user"]["role"] == "rider"
    assert cookie(answer).value
    for wrong in (
        right | {"password": "wrong horse"},
        right | {"email": "nobody@example.org"},
        right | {"email": "rider\x00@example.org"},
        right | {"email": ""},
        right | {"password": ""},
    ):
        refused = await guest.post("/auth/login", json=wrong)
        told = problem(refused, 401, "unauthenticated")
        assert told["detail"] == "e-mail or password is wrong"
        assert "set-cookie" not in refused.headers


async def test_demo_logins_work_in_a_demo_only(shop: Shop, guest: Client) -> None:
    who = {"email": "admin@omnibus.example", "password": "demo-admin"}
    problem(await guest.post("/auth/login", json=who), 401, "unauthenticated")
    registered = await guest.post("/auth/register", json=newcomer() | {"email": who["email"]})
    problem(registered, 409, "already_exists")


async def test_a_refresh_token_is_good_for_one_use(guest: Client) -> None:
    first = cookie(await guest.post("/auth/register", json=newcomer())).value
    answer = await refresh(guest, first)
    assert answer.status_code == 200
    assert answer.json()["access_token"]
    second = cookie(answer).value
    assert second not in ("", first)
    assert (await refresh(guest, second)).status_code == 200


async def test_an_answer_that_got_lost_can_be_asked_for_again(guest: Client) -> None:
    first = cookie(await guest.post("/auth/register", json=newcomer())).value
    lost = cookie(await refresh(guest, first)).value
    repeated = await refresh(guest, first)
    assert repeated.status_code == 200
    assert cookie(repeated).value != lost
    problem(await refresh(guest, lost), 401, "unauthenticated")


async def test_a_copied_refresh_token_ends_the_whole_session(guest: Client) -> None:
    stolen = cookie(await guest.post("/auth/register", json=newcomer())).value
    second = cookie(await refresh(guest, stolen)).value
    third = cookie(await refresh(guest, second)).value
    refused = await refresh(guest, stolen)
    problem(refused, 401, "unauthenticated")
    assert cookie(refused).value == ""
    problem(await refresh(guest, third), 401, "unauthenticated")


async def test_of_twenty_refreshes_at_once_one_successor_is_left(guest: Client) -> None:
    token = cookie(await guest.post("/auth/register", json=newcomer())).value
    answers = await asyncio.gather(*(refresh(guest, token) for _ in range(20)))
    successors = [cookie(answer).value for answer in answers if answer.status_code == 200]
    assert successors
    again = [await refresh(guest, successor) for successor in successors]
    assert [answer.status_code for answer in again].count(200) == 1


@pytest.mark.parametrize("token", ["", "x", "%00", "a" * 5000, "a;b=c", '"'])
async def test_a_cookie_that_is_none_of_ours_signs_nobody_in(guest: Client, token: str) -> None:
    problem(await refresh(guest, token), 401, "unauthenticated")


async def test_signing_out_ends_the_session_and_takes_the_cookie_away(guest: Client) -> None:
    token = cookie(await guest.post("/auth/register", json=newcomer())).value
    answer = await guest.post("/auth/logout", headers={"cookie": f"{COOKIE}={token}"})
    assert answer.status_code == 204
    assert (cookie(answer).value, cookie(answer)["max-age"]) == ("", "0")
    problem(await refresh(guest, token), 401, "unauthenticated")
    assert (await guest.post("/auth/logout")).status_code == 204


async def test_signing_out_with_the_cookie_ends_the_access_token_too(guest: Client) -> None:
    signed_in = await guest.post("/auth/register", json=newcomer())
    bearer = {"authorization": f"Bearer {signed_in.json()['access_token']}"}
    guest.cookies.clear()
    assert (await guest.get("/stops", headers=bearer)).status_code == 200
    out = {"cookie": f"{COOKIE}={cookie(signed_in).value}"}
    assert (await guest.post("/auth/logout", headers=out)).status_code == 204
    problem(await guest.get("/stops", headers=bearer), 401, "unauthenticated")


async def test_signing_out_everywhere_takes_the_cookie_alone(guest: Client) -> None:
    who = newcomer()
    first = await guest.post("/auth/register", json=who)
    second = await guest.post(
        "/auth/login", json={"email": who["email"], "password": who["password"]}
    )
    guest.cookies.clear()
    out = {"cookie": f"{COOKIE}={cookie(first).value}"}
    answer = await guest.post("/auth/logout", headers=out, json={"everywhere": True})
    assert answer.status_code == 204
    problem(await refresh(guest, cookie(second).value), 401, "unauthenticated")
    assert bad_input(await guest.post("/auth/logout", json={"everywhere": "yes"})) == [
        "/everywhere"
    ]


async def test_one_sees_where_one_is_signed_in_and_signs_out_there(
    shop: Shop, guest: Client, other_rider: Client
) -> None:
    user = await shop.hire()
    token, here = await shop.begin_session(user)
    there_token, there = await shop.begin_session(user)
    rotated = await shop.store.sessions.rotate(there.token)
    assert rotated is not None
    bearer = {"authorization": f"Bearer {token}"}
    items = (await guest.get("/auth/sessions", headers=bearer)).json()["items"]
    assert [(item["id"], item["current"]) for item in items] == [
        (there.session_id, False),
        (here.session_id, True),
    ]
    assert items[0]["used_at"] > items[0]["begun_at"]
    problem(await other_rider.delete(f"/auth/sessions/{there.session_id}"), 404, "not_found")
    for unknown in ("x", str(uuid.uuid4())):
        answer = await guest.delete(f"/auth/sessions/{unknown}", headers=bearer)
        problem(answer, 404, "not_found")
    ended = await guest.delete(f"/auth/sessions/{there.session_id}", headers=bearer)
    assert ended.status_code == 204
    problem(
        await guest.get("/stops", headers={"authorization": f"Bearer {there_token}"}),
        401,
        "unauthenticated",
    )
    problem(await refresh(guest, rotated.token), 401, "unauthenticated")
    items = (await guest.get("/auth/sessions", headers=bearer)).json()["items"]
    assert [item["id"] for item in items] == [here.session_id]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_another_sites_page_cannot_use_the_cookie(guest: Client, origin: str) -> None:
    token = cookie(await guest.post("/auth/register", json=newcomer())).value
    headers = {"cookie": f"{COOKIE}={token}", "origin": origin}
    problem(await guest.post("/auth/refresh", headers=headers), 403, "forbidden")
    problem(await guest.post("/auth/logout", headers=headers), 403, "forbidden")
    assert (await refresh(guest, token)).status_code == 200


async def test_a_page_of_ours_can(shop: Shop, guest: Client) -> None:
    token = cookie(await guest.post("/auth/register", json=newcomer())).value
    headers = {"cookie": f"{COOKIE}={token}", "origin": shop.url}
    assert (await guest.post("/auth/refresh", headers=headers)).status_code == 200


async def test_me_needs_a_token(guest: Client) -> None:
    answer = await guest.get("/auth/me")
    problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_closed_account_is_nobody(shop: Shop, guest: Client) -> None:
    who = newcomer()
    signed_in = await guest.post("/auth/register", json=who)
    await shop.owner.execute("UPDATE users SET disabled_at = now() WHERE email = $1", who["email"])
    bearer = {"authorization": f"Bearer {signed_in.json()['access_token']}"}
    problem(await guest.get("/auth/me", headers=bearer), 401, "unauthenticated")
    problem(await refresh(guest, cookie(signed_in).value), 401, "unauthenticated")
    login = {"email": who["email"], "password": who["password"]}
    problem(await guest.post("/auth/login", json=login), 401, "unauthenticated")


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_token_that_is_not_a_good_one_of_ours_opens_nothing(
    shop: Shop, guest: Client, name: str
) -> None:
    token = FORGERIES[name](Forger(shop.tokens, shop.token("admin")))
    bearer = [(b"authorization", b"Bearer " + token.encode("latin-1"))]
    for path in ("/auth/me", "/stops"):
        problem(await guest.get(path, headers=bearer), 401, "unauthenticated")


async def test_what_the_forgeries_are_made_of_is_good(shop: Shop, guest: Client) -> None:
    forger = Forger(shop.tokens, shop.token("admin"))
    # Clocks may be a few seconds apart.
    for token in (forger.good, forger.signed(), forger.off_by(5), forger.from_tomorrow(5)):
        answer = await guest.get("/auth/me", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200


async def test_a_refresh_token_is_no_access_token(guest: Client) -> None:
    token = cookie(await guest.post("/auth/register", json=newcomer())).value
    answer = await guest.get("/auth/me", headers={"authorization": f"Bearer {token}"})
    problem(answer, 401, "unauthenticated")


async def test_basic_authentication_is_none(guest: Client) -> None:
    answer = await guest.get("/auth/me", auth=("rider@example.org", PASSWORD))
    problem(answer, 401, "unauthenticated")


async def test_nothing_personal_is_written_to_logs_or_metrics(
    served_shop: tuple[Served, Shop], shop: Shop, guest: Client
) -> None:
    served, _ = served_shop
    who = {"name": "Canary Name", "email": "canary@example.org", "password": "canary word"}
    signed_in = await guest.post("/auth/register", json=who)
    await guest.post("/auth/register", json=who)
    await guest.post("/auth/login", json={"email": who["email"], "password": "canary wrong"})
    booked = await shop.book(guest, await shop.bus(), ["1A"], contact={"phone": "+49 30 4321765"})
    await guest.get("/auth/me", headers={"authorization": "Bearer canary.token.x"})
    await guest.get(f"/bookings/{booked['ref']}", headers={"x-booking-key": booked["access_key"]})
    written = served.log() + (await shop.client(prefix="").get("/metrics")).text
    for secret in (
        *("anary", "4321765"),
        signed_in.json()["access_token"],
        cookie(signed_in).value,
        booked["access_key"],
        booked["ref"],
    ):
        assert secret not in written
