"""The demo as a command: its people, its words, and where it keeps out."""

from pathlib import Path
from typing import Any

from server.demo import DEMO_USERS, is_demo_login, load_demo
from server.passwords import Passwords
from store import Store
from store.model import Role
from tests.gtfs.commands import omnibus
from tests.support.databases import Databases

LOGINS = {
    "admin@omnibus.example": "demo-admin",
    "operator@omnibus.example": "demo-operator",
    "agent@omnibus.example": "demo-agent",
    "rider@omnibus.example": "demo-rider",
}


async def test_the_demos_people_can_sign_in_with_the_passwords_told(database_url: str) -> None:
    store, passwords, said = await Store.open(database_url), Passwords(), list[str]()
    report = await load_demo(store, passwords, said.append)
    assert report.users == 4
    assert any("added 1,120 buses" in line for line in said)
    for email, password in LOGINS.items():
        user = await store.accounts.find_by_email(email)
        assert user is not None
        assert await passwords.matches(password, user.password_hash)
        assert is_demo_login(email)
        is_staff = user.role in {Role.OPERATOR, Role.AGENT}
        assert user.operator_id == (report.world.operator_id if report.world and is_staff else None)
    again = await load_demo(store, passwords, said.append)
    assert again.is_nothing
    passwords.close()
    await store.close()


def test_addresses_of_others_are_no_demo_logins() -> None:
    assert {user.email: user.password for user in DEMO_USERS} == LOGINS
    assert is_demo_login(" Admin@Omnibus.Example ")
    assert not is_demo_login("admin@omnibus.example.org")


async def test_the_command_loads_the_demo_and_tells_the_logins(database_url: str) -> None:
    first = omnibus(database_url, "demo")
    assert first.code == 0, first.err
    assert "demo: added 1,120 buses" in first.err
    assert all(email in first.out and word in first.out for email, word in LOGINS.items())
    second = omnibus(database_url, "demo", "--json")
    assert second.code == 0
    assert (second.json["users"], second.json["world"]["buses"]) == (0, 0)


async def test_where_others_sell_the_demo_keeps_out_and_makes_no_logins(
    database_url: str, owner: Any
) -> None:
    await owner.execute(
        "INSERT INTO operators (name, time_zone, currency) VALUES ('Northline', 'UTC', 'EUR')"
    )
    ran = omnibus(database_url, "demo")
    assert ran.code == 1
    assert "nothing loaded, no demo logins made" in ran.err
    assert await owner.fetchval("SELECT count(*) FROM users") == 0
    assert await owner.fetchval("SELECT count(*) FROM buses") == 0


async def test_a_database_that_is_not_migrated_is_refused(databases: Databases) -> None:
    async with databases.fresh(is_migrated=False) as url:
        ran = omnibus(url, "demo")
    assert ran.code == 1
    assert "`omnibus migrate` brings it up to date" in ran.err


def test_without_a_database_the_setting_is_named(tmp_path: Path) -> None:
    ran = omnibus(None, "demo")
    assert ran.code == 1
    assert "OMNIBUS_DATABASE_URL" in ran.err
