"""`omnibus user` against a real database."""

from typing import Any

import pytest

from server.passwords import Passwords
from store.accounts import User
from store.model import Role
from store.second_factors import Attempt
from tests.cli.commands import Ran, omnibus, typed
from tests.support.world import World

PASSWORD = "a good long password"


@pytest.fixture
def command(world: World) -> Any:
    """Runs `omnibus user ...` on the test's database."""

    def run(*arguments: str, stdin: str = PASSWORD + "\n") -> Ran:
        return omnibus("user", *arguments, stdin=stdin, DATABASE_URL=world.url)

    return run


async def find(world: World, email: str) -> User:
    user = await world.store.accounts.find_by_email(email)
    assert user is not None
    return user


async def is_password(world: World, email: str, password: str) -> bool:
    passwords = Passwords()
    try:
        return await passwords.matches(password, (await find(world, email)).password_hash)
    finally:
        passwords.close()


async def hire(world: World) -> int:
    """Return an operator to work for."""
    operator_id: int = await world.owner.fetchval(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Redwood', 'UTC', 'EUR') RETURNING operator_id"
    )
    return operator_id


async def test_an_admin_is_added_and_can_sign_in(world: World, command: Any) -> None:
    ran = command("add", "Root@Tickets.example", "--name", "Root", "--role", "admin")
    assert (ran.code, ran.out) == (0, "added Root@Tickets.example as admin\n"), ran.err
    assert (await find(world, "root@tickets.example")).role is Role.ADMIN
    assert await is_password(world, "root@tickets.example", PASSWORD)
    again = command("add", "root@tickets.example", "--name", "Root")
    assert (again.code, again.err) == (1, "omnibus: root@tickets.example is a user already\n")


@pytest.mark.parametrize("by", ["name", "id"])
async def test_staff_is_added_for_an_operator_by_its_name_or_id(
    world: World, command: Any, by: str
) -> None:
    operator_id = await hire(world)
    wanted = "REDWOOD" if by == "name" else str(operator_id)
    ran = command(
        *("add", "ann@redwood.example", "--name", "Ann", "--role", "agent"),
        *("--operator", wanted, "--json"),
    )
    assert ran.code == 0, ran.err
    assert ran.json == {
        "id": str((await find(world, "ann@redwood.example")).user_id),
        "name": "Ann",
        "email": "ann@redwood.example",
        "role": "agent",
        "operator": str(operator_id),
        "is_disabled": False,
    }


async def test_staff_without_an_operator_is_told_which_there_are(
    world: World, command: Any
) -> None:
    operator_id = await hire(world)
    for extra in ((), ("--operator", "Nobody")):
        ran = command("add", "ann@x.example", "--name", "Ann", "--role", "agent", *extra)
        assert ran.code == 1
        assert f"Redwood ({operator_id})" in ran.err
    assert await world.store.accounts.list(limit=10) == []


@pytest.mark.parametrize(
    ("arguments", "password", "complaint"),
    [
        (("ann@x.example", "--name", "Ann"), "short", "password: "),
        (("ann@x.example", "--name", "Ann"), "", "password: "),
        (("not an address", "--name", "Ann"), PASSWORD, "email: "),
        (("ann@x.example", "--name", "A\nnn"), PASSWORD, "name: "),
        (("ann@omnibus.example", "--name", "Ann"), PASSWORD, "kept for the demo"),
        (("ann@x.example", "--name", "Ann", "--operator", "1"), PASSWORD, "leave out --operator"),
    ],
)
async def test_what_the_api_would_refuse_is_refused(
    world: World, command: Any, arguments: tuple[str, ...], password: str, complaint: str
) -> None:
    ran = command("add", *arguments, stdin=password + "\n")
    assert ran.code == 1
    assert complaint in ran.err
    assert len(ran.err.splitlines()) == 1
    assert await world.store.accounts.list(limit=10) == []


async def test_a_password_is_no_argument(command: Any) -> None:
    ran = command("add", "ann@x.example", "--name", "Ann", "--password", PASSWORD)
    assert ran.code == 2
    assert "No such option" in ran.err


async def test_at_a_terminal_the_password_is_asked_for_twice_and_not_shown(world: World) -> None:
    def run(first: str, second: str) -> Ran:
        return typed(
            [("Password: ", first), ("Again: ", second)],
            *("user", "add", "ann@x.example", "--name", "Ann"),
            DATABASE_URL=world.url,
        )

    differing = run(PASSWORD, "another password")
    assert differing.code == 1
    assert "the two differ; nothing was changed" in differing.out
    ran = run(PASSWORD, PASSWORD)
    assert ran.code == 0, ran.out
    assert PASSWORD not in ran.out
    assert await is_password(world, "ann@x.example", PASSWORD)


async def test_everybody_is_listed_without_a_hash(world: World, command: Any) -> None:
    await hire(world)
    command("add", "zoe@x.example", "--name", "Zoë")
    command(
        *("add", "ann@x.example", "--name", "Ann"), *("--role", "agent", "--operator", "Redwood")
    )
    ran = command("list")
    assert ran.code == 0, ran.err
    assert ran.out == ("zoe@x.example  rider     Zoë\nann@x.example  agent     Ann  Redwood\n")
    items = command("list", "--json").json["items"]
    assert [item["email"] for item in items] == ["zoe@x.example", "ann@x.example"]
    assert not any(
        "hash" in key or "argon2" in str(value) for item in items for key, value in item.items()
    )


async def test_another_role_ends_every_session(world: World, command: Any) -> None:
    operator_id = await hire(world)
    command("add", "ann@x.example", "--name", "Ann")
    user = await find(world, "ann@x.example")
    sessions = [await world.store.sessions.start(user.user_id) for _ in range(2)]
    rotated = await world.store.sessions.rotate(sessions[0].token)
    assert rotated is not None
    ran = command("set-role", "ANN@x.example", "operator", "--operator", "Redwood")
    assert ran.code == 0, ran.err
    changed = await find(world, "ann@x.example")
    assert (changed.role, changed.operator_id) == (Role.OPERATOR, operator_id)
    assert await world.store.sessions.rotate(rotated.token) is None
    assert await world.store.sessions.rotate(sessions[1].token) is None
    assert command("set-role", "ann@x.example", "rider").code == 0
    assert (await find(world, "ann@x.example")).operator_id is None


async def test_another_password_replaces_the_old_one_and_ends_every_session(
    world: World, command: Any
) -> None:
    command("add", "ann@x.example", "--name", "Ann")
    session = await world.store.sessions.start((await find(world, "ann@x.example")).user_id)
    ran = command("set-password", "ann@x.example", stdin="another good password\n")
    assert ran.code == 0, ran.err
    assert await is_password(world, "ann@x.example", "another good password")
    assert not await is_password(world, "ann@x.example", PASSWORD)
    assert await world.store.sessions.rotate(session.token) is None


@pytest.mark.parametrize(
    "change",
    [
        ("set-role", "nobody@x.example", "admin"),
        ("set-password", "nobody@x.example"),
        *(
            (name, "nobody@x.example")
            for name in ("disable", "enable", "end-sessions", "reset-totp")
        ),
    ],
)
async def test_an_unknown_user_is_named(command: Any, change: tuple[str, ...]) -> None:
    ran = command(*change)
    assert (ran.code, ran.err) == (1, "omnibus: there is no user nobody@x.example\n")


async def test_an_unknown_role_is_answered_with_the_known_ones(command: Any) -> None:
    ran = command("set-role", "ann@x.example", "emperor")
    assert ran.code == 2
    assert "'rider', 'agent', 'operator'" in ran.err


async def test_an_account_is_closed_and_opened(world: World, command: Any) -> None:
    command("add", "ann@x.example", "--name", "Ann")
    user = await find(world, "ann@x.example")
    session = await world.store.sessions.start(user.user_id)
    ran = command("disable", "ANN@x.example")
    assert ran.code == 0, ran.err
    assert (await find(world, "ann@x.example")).is_disabled
    assert await world.store.sessions.rotate(session.token) is None
    assert "(disabled)" in command("list").out
    assert command("enable", "ann@x.example").code == 0
    assert not (await find(world, "ann@x.example")).is_disabled


async def test_somebody_is_signed_out_everywhere(world: World, command: Any) -> None:
    command("add", "ann@x.example", "--name", "Ann")
    user = await find(world, "ann@x.example")
    session = await world.store.sessions.start(user.user_id)
    assert command("end-sessions", "ann@x.example").code == 0
    assert await world.store.sessions.rotate(session.token) is None


async def test_a_second_factor_that_was_lost_is_forgotten(world: World, command: Any) -> None:
    command("add", "ann@x.example", "--name", "Ann")
    user = await find(world, "ann@x.example")
    session = await world.store.sessions.start(user.user_id)
    factors = world.store.second_factors
    ran = command("reset-totp", "ann@x.example")
    assert (ran.code, ran.err) == (1, "omnibus: ann@x.example has no second factor\n")
    await factors.begin(user.user_id, "sealed")
    attempt = Attempt(lambda _sealed, _now: 1, b"x" * 32)
    assert await factors.confirm(user.user_id, attempt, [], session_id=session.session_id)
    ran = command("reset-totp", "ann@x.example")
    assert ran.code == 0, ran.err
    assert not await factors.is_confirmed(user.user_id)
    assert await world.store.sessions.rotate(session.token) is None
