"""Who may sign in, and as what: managed by platform admins, and by an operator's managers for its own people."""

import secrets
from datetime import datetime
from typing import Annotated

import msgspec

from server.api.bookings import Email
from server.api.shapes import Identifier, Line, parse_id, parse_operator, utc
from server.contract import Access, Call, Operation
from server.cursors import read_cursor, write_cursor
from server.demo import is_demo_login
from server.problems import HttpProblem
from store.directory import Change, Newcomer, Person, Wanted
from store.errors import (
    AlreadyExists,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    WrongState,
)
from store.model import Role


class PersonShape(msgspec.Struct, frozen=True):
    id: str
    name: str
    email: str
    role: str
    operator: str | None
    disabled: bool
    second_factor: bool
    created_at: datetime


class PersonPage(msgspec.Struct, frozen=True):
    items: list[PersonShape]
    next_cursor: str | None


class Invitation(msgspec.Struct, frozen=True):
    """`token` is told once: whoever has it chooses the password."""

    user: PersonShape
    token: str
    expires_at: datetime


class PersonQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: Identifier | None = None
    q: Annotated[str, msgspec.Meta(min_length=1, max_length=120)] | None = None
    role: Role | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    cursor: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class NewPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Line
    email: Email
    role: Role
    operator: Identifier | None = None


class PersonChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays. Another role or operator, or a closed account, ends their sessions at once."""

    name: Line | None = None
    role: Role | None = None
    operator: Identifier | None = None
    disabled: bool | None = None


def person_shape(person: Person) -> PersonShape:
    return PersonShape(
        id=str(person.user_id),
        name=person.name,
        email=person.email,
        role=person.role.value,
        operator=str(person.operator_id) if person.operator_id else None,
        disabled=person.is_disabled,
        second_factor=person.has_second_factor,
        created_at=utc(person.created_at),
    )


async def list_users(call: Call, query: PersonQuery) -> PersonPage:
    """List people, oldest first; an operator's managers see their own."""
    if query.q is not None and not query.q.isprintable():  # nobody is called that
        return PersonPage([], None)
    position = read_cursor(query.cursor, tuple[datetime, int])
    wanted = Wanted(
        operator_id=parse_operator(query.operator),
        role=query.role,
        text=query.q,
        after=position[1] if position else 0,
    )
    found = await call.services.store.directory.list(call.caller, wanted, limit=query.limit + 1)
    page = found[: query.limit]
    last = page[-1] if len(found) > query.limit else None
    return PersonPage(
        [person_shape(person) for person in page],
        write_cursor(last.created_at, last.user_id) if last else None,
    )


async def invite_user(call: Call, body: NewPerson) -> Invitation:
    """Add somebody; the answer has what lets them choose a password within a day."""
    if is_demo_login(body.email):
        raise AlreadyExists("email")
    # Nobody's, so that signing in fails, and takes as long as for everybody.
    unknown = await call.services.passwords.hash(secrets.token_urlsafe(32))
    new = Newcomer(body.name.strip(), body.email, unknown, body.role, parse_operator(body.operator))
    person, invitation = await call.services.store.directory.invite(call.caller, new)
    return Invitation(person_shape(person), invitation.token, utc(invitation.expires_at))


async def read_user(call: Call) -> PersonShape:
    """Show somebody."""
    return person_shape(await call.services.store.directory.find(call.caller, _user_of(call)))


async def change_user(call: Call, body: PersonChange) -> PersonShape:
    """Rename somebody, let them do something else, or close and open their account."""
    change = Change(
        name=body.name.strip() if body.name else None,
        role=body.role,
        operator_id=parse_operator(body.operator),
        is_disabled=body.disabled,
    )
    directory = call.services.store.directory
    return person_shape(await directory.change(call.caller, _user_of(call), change))


def _user_of(call: Call) -> int:
    try:
        user_id = parse_id(call.path["user"], "/user")
    except HttpProblem:
        user_id = None
    if user_id is None:
        raise NotFound("user")
    return user_id


OPERATIONS = (
    Operation(
        "GET",
        "/admin/users",
        list_users,
        PersonPage,
        access=Access.MANAGERS,
        problems=(Forbidden, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/users",
        invite_user,
        Invitation,
        status=201,
        access=Access.MANAGERS,
        problems=(Forbidden, InvalidRequest, NotFound, AlreadyExists, Overloaded),
    ),
    Operation(
        "GET",
        "/admin/users/{user}",
        read_user,
        PersonShape,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, Overloaded),
    ),
    Operation(
        "PATCH",
        "/admin/users/{user}",
        change_user,
        PersonShape,
        access=Access.MANAGERS,
        problems=(Forbidden, InvalidRequest, NotFound, WrongState, Overloaded),
    ),
)
