"""An account's life over HTTP: an address is proven, a password forgotten, changed, an address replaced."""

import asyncio
from pathlib import Path

import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.members import Member
from tests.api.served import Served
from tests.api.shop import Shop
from tests.support.mailbox import Mailbox

Client = httpx2.AsyncClient
VERIFY = "Please confirm your e-mail address"
CONFIRM = "Please confirm your new e-mail address"
CHANGING = "The e-mail address of your account is about to change"
RESET = "Choose a new password"
CHANGED = "Your password was changed"
ANOTHER = "battery staple"


@pytest.fixture
def mailbox(shop: Shop, tmp_path: Path) -> Mailbox:
    return Mailbox(shop.store, tmp_path / "mail")


@pytest.fixture
async def member(shop: Shop) -> Member:
    return await Member.register(shop)


async def verify(shop: Shop, token: str) -> httpx2.Response:
    return await shop.client().post("/auth/verify", json={"token": token})


async def forget(shop: Shop, email: str) -> httpx2.Response:
    return await shop.client().post("/auth/password/forgot", json={"email": email})


async def reset(shop: Shop, token: str, password: str = ANOTHER) -> httpx2.Response:
    body = {"token": token, "password": password}
    return await shop.client().post("/auth/password/reset", json=body)


async def test_who_registers_gets_a_link_that_proves_the_address(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    assert (await member.me())["email_verified"] is False
    assert await mailbox.subjects(member.email) == [VERIFY]
    token = await mailbox.token(member.email, "verify")
    assert (await verify(shop, token)).status_code == 204
    assert (await member.me())["email_verified"] is True
    problem(await verify(shop, token), 410, "link_expired")


async def test_without_a_proven_address_a_rider_books_all_the_same(
    shop: Shop, member: Member
) -> None:
    bus = await shop.bus()
    body = {"seats": ["1A"]}
    assert (await member.ask("POST", f"/buses/{bus}/holds", body)).status_code == 201


async def test_of_twenty_uses_of_a_link_at_once_one_counts(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    token = await mailbox.token(member.email, "verify")
    answers = await asyncio.gather(*(verify(shop, token) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [204] + [410] * 19
    await forget(shop, member.email)
    token = await mailbox.token(member.email, "reset")
    # Passwords are hashed two at a time and twenty may wait, so nobody is turned away here.
    words = [f"{ANOTHER} {number}" for number in range(20)]
    answers = await asyncio.gather(*(reset(shop, token, word) for word in words))
    assert sorted(answer.status_code for answer in answers) == [204] + [410] * 19
    let_in = [word for word in words if (await member.sign_in(word)).status_code == 200]
    assert let_in == [
        word for word, answer in zip(words, answers, strict=True) if answer.status_code == 204
    ]


@pytest.mark.parametrize("kind", ["verify", "reset"])
async def test_a_link_whose_time_is_over_opens_nothing(
    shop: Shop, member: Member, mailbox: Mailbox, kind: str
) -> None:
    await forget(shop, member.email)
    token = await mailbox.token(member.email, kind)
    await shop.owner.execute(
        "UPDATE mailed_tokens SET created_at = created_at - interval '1 day',"
        " expires_at = clock_timestamp() WHERE email = $1",
        member.email,
    )
    answer = await (verify(shop, token) if kind == "verify" else reset(shop, token))
    problem(answer, 410, "link_expired")


async def test_a_link_is_good_for_what_it_was_mailed_for_only(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    await forget(shop, member.email)
    problem(await reset(shop, await mailbox.token(member.email, "verify")), 410, "link_expired")
    problem(await verify(shop, await mailbox.token(member.email, "reset")), 410, "link_expired")


async def test_the_link_is_mailed_again_but_not_without_end(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    for _ in range(4):
        assert (await member.ask("POST", "/auth/verify/resend")).status_code == 202
    answer = await member.ask("POST", "/auth/verify/resend")
    problem(answer, 429, "rate_limited")
    assert int(answer.headers["retry-after"]) > 0
    assert await mailbox.subjects(member.email) == [VERIFY] * 5


async def test_nothing_is_mailed_to_prove_what_is_proven(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    await verify(shop, await mailbox.token(member.email, "verify"))
    assert (await member.ask("POST", "/auth/verify/resend")).status_code == 202
    assert await mailbox.subjects(member.email) == [VERIFY]


async def test_who_asks_for_a_new_password_learns_nothing_about_accounts(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    stranger = f"nobody-{member.email}"
    answers = [await forget(shop, email) for email in (member.email, stranger)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    # The same is done for both: a line in the outbox, of nobody's yet. Who it is for is found out later, and elsewhere.
    waiting = await shop.owner.fetch(
        "SELECT recipient, user_id, template, state FROM mails WHERE recipient = any($1) AND user_id IS NULL",
        [member.email, stranger],
    )
    assert sorted(map(tuple, waiting)) == sorted(
        (email, None, "reset_password", "QUEUED") for email in (member.email, stranger)
    )
    assert await mailbox.subjects(member.email) == [VERIFY, RESET]
    assert await mailbox.subjects(stranger) == []
    assert (
        await shop.owner.fetchval("SELECT count(*) FROM mails WHERE recipient = $1", stranger) == 0
    )


async def test_asking_twice_before_the_mail_has_left_is_asking_once(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    await asyncio.gather(*(forget(shop, member.email.upper()) for _ in range(5)))
    assert (await mailbox.subjects(member.email)).count(RESET) == 1


async def test_nobody_is_buried_in_mails_by_others(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    for _ in range(7):
        assert (await forget(shop, member.email)).status_code == 202
        await mailbox.to(member.email)
    assert (await mailbox.subjects(member.email)).count(RESET) == 5


async def test_a_closed_account_gets_no_way_in_by_mail(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    await forget(shop, member.email)
    token = await mailbox.token(member.email, "reset")
    await shop.owner.execute("UPDATE users SET disabled_at = now() WHERE email = $1", member.email)
    problem(await reset(shop, token), 410, "link_expired")
    await forget(shop, member.email)
    assert (await mailbox.subjects(member.email)).count(RESET) == 1


async def test_a_new_password_replaces_the_forgotten_one_and_ends_every_session(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    await forget(shop, member.email)
    token = await mailbox.token(member.email, "reset")
    assert (await reset(shop, token)).status_code == 204
    assert not await member.is_session_alive()
    problem(await member.sign_in(), 401, "unauthenticated")
    answer = await member.sign_in(ANOTHER)
    assert answer.status_code == 200
    # Whoever follows the link reads the mail of the address.
    assert answer.json()["user"]["email_verified"] is True
    assert (await mailbox.subjects(member.email))[-1] == CHANGED
    problem(await reset(shop, token), 410, "link_expired")


async def test_changing_the_password_spares_this_session_only(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    elsewhere = (await member.sign_in()).headers["set-cookie"].partition(";")[0].partition("=")[2]
    await forget(shop, member.email)
    link = await mailbox.token(member.email, "reset")
    body = {"current": member.password, "new": ANOTHER}
    assert (await member.ask("POST", "/auth/password", body)).status_code == 204
    assert not await member.is_session_alive(elsewhere)
    assert await member.is_session_alive()
    assert (await member.sign_in(ANOTHER)).status_code == 200
    problem(await reset(shop, link, "yet another one"), 410, "link_expired")
    assert (await mailbox.subjects(member.email))[-1] == CHANGED


async def test_a_session_alone_changes_neither_password_nor_address_nor_erases(
    member: Member,
) -> None:
    wrong = "somebody guesses"
    for method, path, body in (
        ("POST", "/auth/password", {"current": wrong, "new": ANOTHER}),
        ("PATCH", "/auth/me", {"email": "thief@example.org", "password": wrong}),
        ("DELETE", "/auth/me", {"password": wrong}),
    ):
        problem(await member.ask(method, path, body), 403, "wrong_password")
    assert bad_input(await member.ask("PATCH", "/auth/me", {"email": "thief@example.org"})) == [
        "/password"
    ]
    assert (await member.sign_in()).status_code == 200


async def test_of_two_new_passwords_at_once_one_counts(member: Member) -> None:
    words = [f"{ANOTHER} {number}" for number in range(4)]
    answers = await asyncio.gather(
        *(
            member.ask("POST", "/auth/password", {"current": member.password, "new": word})
            for word in words
        )
    )
    assert sorted(each.status_code for each in answers) == [204, 403, 403, 403]
    done = [word for word, each in zip(words, answers, strict=True) if each.status_code == 204]
    assert [word for word in words if (await member.sign_in(word)).status_code == 200] == done


async def test_a_name_is_changed_at_once(member: Member) -> None:
    answer = await member.ask("PATCH", "/auth/me", {"name": "  Zoë Zimt "})
    assert answer.json()["name"] == "Zoë Zimt"
    assert (await member.me())["name"] == "Zoë Zimt"
    assert (await member.ask("PATCH", "/auth/me", {})).json() == answer.json()


async def test_another_address_counts_once_it_is_proven_and_the_old_one_is_told(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    wanted = f"new-{member.email}"
    body = {"email": wanted, "password": member.password}
    answer = await member.ask("PATCH", "/auth/me", body)
    assert (answer.status_code, answer.json()["email"]) == (200, member.email)
    assert (await mailbox.subjects(member.email))[-1] == CHANGING
    assert await mailbox.subjects(wanted) == [CONFIRM]
    assert (await member.sign_in()).status_code == 200
    assert (await verify(shop, await mailbox.token(wanted, "verify"))).status_code == 204
    told = await member.me()
    assert (told["email"], told["email_verified"]) == (wanted, True)
    problem(await member.sign_in(), 401, "unauthenticated")
    member.email = wanted
    assert (await member.sign_in()).status_code == 200


async def test_the_address_asked_for_last_is_the_one_that_counts(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    mistyped, wanted = f"mistyped-{member.email}", f"wanted-{member.email}"
    first = await mailbox.token(member.email, "verify")
    for email in (mistyped, wanted):
        await member.ask("PATCH", "/auth/me", {"email": email, "password": member.password})
    # One that had not left is taken back, so a stranger's mailbox never sees it; links that had are dead.
    assert await mailbox.subjects(mistyped) == []
    problem(await verify(shop, first), 410, "link_expired")
    assert (await verify(shop, await mailbox.token(wanted, "verify"))).status_code == 204
    problem(await verify(shop, first), 410, "link_expired")
    assert (await member.me())["email"] == wanted


async def test_a_link_to_the_old_address_that_still_waits_never_leaves(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    wanted = f"new-{member.email}"
    await member.ask("PATCH", "/auth/me", {"email": wanted, "password": member.password})
    token = await mailbox.token(wanted, "verify")
    before = await mailbox.subjects(member.email)
    assert (await member.ask("POST", "/auth/verify/resend")).status_code == 202
    assert (await verify(shop, token)).status_code == 204
    assert await mailbox.subjects(member.email) == before


async def test_an_old_mailbox_opens_nothing_after_the_address_was_changed(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    await forget(shop, member.email)
    link = await mailbox.token(member.email, "reset")
    wanted = f"new-{member.email}"
    await member.ask("PATCH", "/auth/me", {"email": wanted, "password": member.password})
    await verify(shop, await mailbox.token(wanted, "verify"))
    problem(await reset(shop, link), 410, "link_expired")


async def test_somebody_elses_address_is_not_to_be_had(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    wanted = f"both-{member.email}"
    body = {"email": wanted.upper(), "password": member.password}
    assert (await member.ask("PATCH", "/auth/me", body)).status_code == 200
    other = {"name": "Ann", "email": wanted, "password": "correct horse"}
    assert (await shop.client().post("/auth/register", json=other)).status_code == 201
    problem(
        await verify(shop, await mailbox.token(wanted.upper(), "verify")), 409, "already_exists"
    )
    problem(await member.ask("PATCH", "/auth/me", body), 409, "already_exists")
    for demo in ("admin@omnibus.example", "new@OMNIBUS.example"):
        body = {"email": demo, "password": member.password}
        problem(await member.ask("PATCH", "/auth/me", body), 409, "already_exists")


async def test_passwords_that_anybody_would_try_first_are_refused_wherever_one_is_set(
    shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    await forget(shop, member.email)
    token = await mailbox.token(member.email, "reset")
    for easy in ("password1", "milamuster"):
        body = {"name": member.name, "email": "m@example.org", "password": easy}
        assert bad_input(await shop.client().post("/auth/register", json=body)) == ["/password"]
        assert bad_input(await reset(shop, token, easy)) == ["/password"]
        change = {"current": member.password, "new": easy}
        assert bad_input(await member.ask("POST", "/auth/password", change)) == ["/new"]
    # What was refused has used nothing up.
    assert (await reset(shop, token)).status_code == 204


@pytest.mark.parametrize(
    "email",
    [
        "a@b.org\nBcc: c@d.org",
        "a@b.org\r\nSubject: x",
        "a@b.org,c@d.org",
        "a\x00@b.org",
        "a b@c.org",
        "<a@b.org>\n",
    ],
)
async def test_an_address_that_is_more_than_one_is_refused_wherever_it_is_given(
    shop: Shop, member: Member, email: str
) -> None:
    assert bad_input(await forget(shop, email)) == ["/email"]
    body = {"email": email, "password": member.password}
    assert bad_input(await member.ask("PATCH", "/auth/me", body)) == ["/email"]


async def test_no_token_of_a_mail_is_found_in_logs_metrics_or_the_database(
    served_shop: tuple[Served, Shop], shop: Shop, member: Member, mailbox: Mailbox
) -> None:
    await forget(shop, member.email)
    tokens = [await mailbox.token(member.email, kind) for kind in ("verify", "reset")]
    await shop.client(prefix="").get(f"/login?verify={tokens[0]}")
    await verify(shop, tokens[0])
    await verify(shop, tokens[0])
    await reset(shop, tokens[1])
    served, _ = served_shop
    written = served.log() + (await shop.client(prefix="").get("/metrics")).text
    rows = await shop.owner.fetch(
        "SELECT t::text AS row FROM mails AS t UNION ALL SELECT t::text FROM mailed_tokens AS t"
    )
    written += "".join(row["row"] for row in rows)
    assert not [token for token in tokens if token in written]
