"""A second factor: set up, asked for, used once; and what becomes of those who guess."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator

import httpx2
import pytest

from server.second_factors import STEP_SECONDS, code_at, find_step
from store.accounts import User
from store.model import Role
from tests.api.answers import bad_input, problem
from tests.api.served import Served
from tests.api.shop import PASSWORD, Json, Shop
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey

# RFC 6238, appendix B: SHA-1, eight digits.
_SECRET = b"12345678901234567890"
_VECTORS = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}


@pytest.mark.parametrize("at", _VECTORS)
def test_codes_are_those_of_the_standard(at: int) -> None:
    assert code_at(_SECRET, at // STEP_SECONDS, digits=8) == _VECTORS[at]


def test_a_clock_may_be_off_by_half_a_minute_and_no_more() -> None:
    now = 1_700_000_000.0
    step = int(now) // STEP_SECONDS
    found = [find_step(_SECRET, code_at(_SECRET, step + off), now) for off in range(-3, 4)]
    assert found == [None, None, step - 1, step, step + 1, None, None]


class Someone:
    """A user of the API with an authenticator, whose codes are always new: it is ahead of time by a step a code."""

    def __init__(self, shop: Shop, user: User) -> None:
        self.shop, self.user = shop, user
        self.secret = b""

    async def set_up(self, token: str) -> Json:
        begun = await self.ask("POST", "/auth/totp", token)
        assert begun.status_code == 201, begun.text
        told = begun.json()
        assert told["secret"] in told["uri"]
        assert told["uri"].startswith("otpauth://totp/Omnibus%3A")
        self.secret = base64.b32decode(told["secret"])
        answer = await self.ask("POST", "/auth/totp/confirm", token, code=self.code(-1))
        assert answer.status_code == 200, answer.text
        recovery: Json = answer.json()
        return recovery

    def code(self, off: int = 0) -> str:
        return code_at(self.secret, int(time.time()) // STEP_SECONDS + off)

    async def log_in(self, **more: object) -> httpx2.Response:
        body = {"email": self.user.email, "password": PASSWORD, **more}
        return await self.shop.client().post("/auth/login", json=body)

    async def ask(self, method: str, path: str, token: str, **body: object) -> httpx2.Response:
        bearer = {"authorization": f"Bearer {token}"}
        return await self.shop.client().request(method, path, headers=bearer, json=body or None)

    async def forget_steps(self) -> None:
        """Let codes that were used be good again, as they would be if the last one had been long ago."""
        await self.shop.owner.execute(
            "UPDATE second_factors SET last_step = 0 WHERE user_id = $1", self.user.user_id
        )


@pytest.fixture
async def ann(shop: Shop) -> Someone:
    return Someone(shop, await shop.hire(Role.OPERATOR, "Northline"))


async def test_a_code_is_asked_for_once_the_factor_is_confirmed(ann: Someone) -> None:
    token, _ = await ann.shop.begin_session(ann.user)
    begun = await ann.ask("POST", "/auth/totp", token)
    assert (await ann.log_in()).status_code == 200, "what was never confirmed locks nobody out"
    assert begun.status_code == 201
    again, _ = await ann.shop.begin_session(ann.user)
    codes = (await ann.set_up(again))["recovery_codes"]
    assert len(set(codes)) == 10
    problem(await ann.log_in(), 401, "totp_required")
    problem(await ann.log_in(password="wrong horse"), 401, "unauthenticated")
    problem(await ann.log_in(totp=""), 401, "unauthenticated")
    assert (await ann.log_in(totp=ann.code())).status_code == 200
    problem(await ann.ask("POST", "/auth/totp", again), 409, "wrong_state")


async def test_confirming_ends_the_sessions_that_a_password_alone_began(ann: Someone) -> None:
    other, _ = await ann.shop.begin_session(ann.user)
    token, _ = await ann.shop.begin_session(ann.user)
    await ann.set_up(token)
    assert (await ann.ask("GET", "/auth/me", token)).status_code == 200
    problem(await ann.ask("GET", "/auth/me", other), 401, "unauthenticated")


async def test_a_wrong_code_confirms_nothing(ann: Someone) -> None:
    token, _ = await ann.shop.begin_session(ann.user)
    problem(await ann.ask("POST", "/auth/totp/confirm", token, code="123456"), 409, "wrong_state")
    begun = (await ann.ask("POST", "/auth/totp", token)).json()
    ann.secret = base64.b32decode(begun["secret"])
    wrong = f"{(int(ann.code()) + 1) % 10**6:06}"
    if wrong in {ann.code(-1), ann.code(1)}:  # one in a million
        wrong = "000000"
    answer = await ann.ask("POST", "/auth/totp/confirm", token, code=wrong)
    assert bad_input(answer) == ["/code"]
    assert (await ann.log_in()).status_code == 200


async def test_a_code_is_good_once_and_an_older_one_not_after_it(ann: Someone) -> None:
    token, _ = await ann.shop.begin_session(ann.user)
    await ann.set_up(token)
    code = ann.code(1)
    assert (await ann.log_in(totp=code)).status_code == 200
    problem(await ann.log_in(totp=code), 401, "unauthenticated")
    problem(await ann.log_in(totp=ann.code()), 401, "unauthenticated")


async def test_of_many_who_show_one_code_at_once_one_gets_in(ann: Someone) -> None:
    token, _ = await ann.shop.begin_session(ann.user)
    await ann.set_up(token)
    code = ann.code(1)
    answers = await asyncio.gather(*(ann.log_in(totp=code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a_recovery_code_is_good_once(ann: Someone) -> None:
    token, _ = await ann.shop.begin_session(ann.user)
    codes = (await ann.set_up(token))["recovery_codes"]
    assert (await ann.log_in(totp=codes[0].upper().replace("-", " "))).status_code == 200
    problem(await ann.log_in(totp=codes[0]), 401, "unauthenticated")
    assert (await ann.log_in(totp=codes[1])).status_code == 200
    rows = await ann.shop.owner.fetch("SELECT r::text AS row FROM recovery_codes AS r")
    assert not any(codes[2].replace("-", "") in row["row"] for row in rows)


async def test_who_guesses_five_times_in_a_row_is_locked_out_for_a_while(ann: Someone) -> None:
    token, _ = await ann.shop.begin_session(ann.user)
    codes = (await ann.set_up(token))["recovery_codes"]
    for number in range(4):
        problem(await ann.log_in(totp=f"guess{number}"), 401, "unauthenticated")
    assert (await ann.log_in(totp=codes[0])).status_code == 200, "four are not five"
    for number in range(5):
        problem(await ann.log_in(totp=f"guess{number}"), 401, "unauthenticated")
    for good in (ann.code(1), codes[1]):
        problem(await ann.log_in(totp=good), 401, "unauthenticated")
    problem(await ann.log_in(), 401, "totp_required")
    await ann.shop.owner.execute(
        "UPDATE second_factors SET locked_until = locked_until - interval '5 minutes' WHERE user_id = $1",
        ann.user.user_id,
    )
    assert (await ann.log_in(totp=codes[1])).status_code == 200


async def test_removing_it_takes_the_password(ann: Someone) -> None:
    token, _ = await ann.shop.begin_session(ann.user)
    await ann.set_up(token)
    answer = await ann.ask("DELETE", "/auth/totp", token, password="wrong horse")
    assert bad_input(answer) == ["/password"]
    problem(await ann.log_in(), 401, "totp_required")
    assert (await ann.ask("DELETE", "/auth/totp", token, password=PASSWORD)).status_code == 204
    assert (await ann.log_in()).status_code == 200
    answer = await ann.ask("DELETE", "/auth/totp", token, password=PASSWORD)
    problem(answer, 404, "not_found")


async def test_a_copy_of_the_table_shows_no_secret(ann: Someone) -> None:
    token, _ = await ann.shop.begin_session(ann.user)
    await ann.set_up(token)
    (row,) = await ann.shop.owner.fetch(
        "SELECT f::text AS row FROM second_factors AS f WHERE user_id = $1", ann.user.user_id
    )
    for form in (ann.secret.hex(), base64.b32encode(ann.secret).decode(), str(ann.secret)):
        assert form not in row["row"]


@pytest.fixture
async def strict(databases: Databases, valkey: ThrowawayValkey) -> AsyncIterator[Shop]:
    """A shop where staff need a second factor."""
    async with databases.fresh() as url, await Shop.open(url) as shop:
        required = {"OMNIBUS_STAFF_TOTP": "required"}
        async with Served(url, valkey.url, settings=required) as served:
            shop.url = served.url
            yield shop
            assert await served.failures() == []


async def test_where_staff_need_one_they_can_do_nothing_before_they_have_it(strict: Shop) -> None:
    boss = Someone(strict, strict.people["manager"])
    signed_in = await boss.log_in()
    token = signed_in.json()["access_token"]
    managed = f"/admin/operators/{strict.operators['Northline']}/limits"
    for method, path in (("GET", "/stops"), ("GET", "/bookings"), ("GET", managed)):
        problem(await boss.ask(method, path, token), 403, "second_factor_required")
    assert (await boss.ask("GET", "/auth/me", token)).status_code == 200
    await boss.set_up(token)
    problem(await boss.ask("GET", managed, token), 403, "second_factor_required")
    cookie = {"cookie": f"omnibus_refresh={signed_in.cookies['omnibus_refresh']}"}
    refreshed = await strict.client().post("/auth/refresh", headers=cookie)
    assert refreshed.status_code == 200
    token = refreshed.json()["access_token"]
    assert (await boss.ask("GET", managed, token)).status_code == 200
    # Others are not asked.
    rider = await Someone(strict, strict.people["rider"]).log_in()
    answer = await boss.ask("GET", "/bookings", rider.json()["access_token"])
    assert answer.status_code == 200
