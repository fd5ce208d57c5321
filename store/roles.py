"""The roles of the database: each kind of work has its own, and none can do the others'.

Roles belong to a whole PostgreSQL cluster. `omnibus migrate` makes them where it may; elsewhere somebody who may runs
what `omnibus migrate --roles` prints, once. What each may do is in the migrations, as part of the schema.
"""

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import asyncpg

if TYPE_CHECKING:
    from store.db import Connection

APP: Final = "omnibus_app"
WORKER: Final = "omnibus_worker"
READONLY: Final = "omnibus_readonly"
MIGRATE: Final = "omnibus_migrate"
ROLES = {
    APP: "sells: what API processes become",
    WORKER: "ends, forgets and verifies: what workers become",
    READONLY: "looks: nothing secret, and private rows only of operators that the transaction names",
    MIGRATE: "changes the schema, as whoever owns the database",
}
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_MAKE = """\
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE {role} NOLOGIN {inherit} NOBYPASSRLS;
    END IF;
EXCEPTION
    -- Another database of the same cluster is being migrated at this moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;"""


class RolesMissing(Exception):
    """Roles are missing and we may not make them."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"the roles {', '.join(names)} are missing, and this login may not make roles:"
            " somebody who may has to run what `omnibus migrate --roles` prints"
        )


def script(owner: str) -> str:
    """Return what makes the roles, and lets the owner of the database become those that work for it."""
    lines = ["-- For a superuser, or whoever may make roles. Running it again changes nothing."]
    for role, meaning in ROLES.items():
        lines += [f"-- {role} {meaning}.", _statement(role)]
    owner = _quoted(owner)
    lines += [f"GRANT {APP}, {WORKER}, {READONLY} TO {owner};", f"GRANT {owner} TO {MIGRATE};"]
    return "\n".join(lines) + "\n"


async def make_roles(connection: "Connection") -> None:
    """Make the roles that are missing, and let this login become those that work; raise RolesMissing.

    Where they belong to somebody else it is for them to grant: connecting will tell.
    """
    for role in await _missing(connection):
        try:
            await connection.execute(_statement(role))
        except asyncpg.InsufficientPrivilegeError:
            raise RolesMissing(await _missing(connection)) from None
    for role in (APP, WORKER, READONLY):
        if not await _may_become(connection, role):
            with suppress(asyncpg.InsufficientPrivilegeError):
                # allow sql-text: one of our roles
                await connection.execute(f"GRANT {role} TO current_user")


async def become_owner(connection: "Connection") -> None:
    """Work as whoever owns the database, if that is somebody else whom we may stand in for.

    What a deployer's login makes must not be the login's own, or the next one cannot change it.
    """
    owner = await connection.fetchval(
        "SELECT r.rolname FROM pg_database AS d INNER JOIN pg_roles AS r ON r.oid = d.datdba"
        " INNER JOIN pg_roles AS me ON me.rolname = current_user"
        " WHERE d.datname = current_database() AND r.oid <> me.oid AND NOT me.rolsuper"
        " AND pg_has_role(me.oid, r.oid, 'MEMBER')"
    )
    if owner is not None:
        # allow sql-text: a quoted name
        await connection.execute(f"SET ROLE {_quoted(owner)}")


async def _may_become(connection: "Connection", role: str) -> bool:
    # Tried, not looked up: since PostgreSQL 16 whoever makes a role belongs to it, and still may not become it.
    try:
        async with connection.transaction():
            # allow sql-text: one of our roles
            await connection.execute(f"SET LOCAL ROLE {role}")
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True


async def _missing(connection: "Connection") -> list[str]:
    rows = await connection.fetch(
        "SELECT w.name FROM unnest($1::text[]) AS w (name)"
        " WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = w.name)",
        list(ROLES),
    )
    return [row["name"] for row in rows]


def _statement(role: str) -> str:
    # Whoever changes the schema has the owner's rights at once; the others have none but their own.
    return _MAKE.format(role=role, inherit="INHERIT" if role == MIGRATE else "NOINHERIT")


def _quoted(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', '""') + '"'
