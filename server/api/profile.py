"""One's own account: changed, shown whole, erased. Whatever decides who may enter needs the password once more."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from server import wire
from server.api.accounts import (
    Password,
    UserShape,
    find_self,
    require_good,
    user_shape,
)
from server.api.bookings import BookingShape, Email, booking_shape
from server.api.shapes import Language, Line, require_language
from server.contract import Access, Answer, Call, Operation
from server.demo import is_demo_login
from server.problems import HttpProblem, bad_field
from store.accounts import User
from store.errors import (
    AlreadyExists,
    Forbidden,
    InvalidRequest,
    OutcomeUnknown,
    Overloaded,
    TooManyMails,
    TripsAhead,
)
from store.model import Booking
from store.personal import (
    AccountRecord,
    BoardingRecord,
    DeedRecord,
    HoldRecord,
    MailRecord,
    SessionRecord,
)

Known = Annotated[str, msgspec.Meta(max_length=128)]
_PAGE = 100


class ProfileChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is left out stays as it is. Another `email` needs the current `password`."""

    name: Line | None = None
    email: Email | None = None
    password: Known | None = None
    locale: Language | None = None


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    current: Known
    new: Password


class Erasure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    password: Known


class Export(msgspec.Struct, frozen=True):
    """Everything that is held about a person. Secrets are not: they are kept as digests."""

    exported_at: datetime
    account: AccountRecord
    sessions: list[SessionRecord]
    bookings: list[BookingShape]
    holds: list[HoldRecord]
    boardings: list[BoardingRecord]
    deeds: list[DeedRecord]
    mails: list[MailRecord]


async def change_me(call: Call, body: ProfileChange) -> UserShape:
    """Change one's name at once, and one's e-mail address as soon as the link mailed to the new one was followed."""
    user = await find_self(call)
    profiles = call.services.store.profiles
    if body.email is not None and body.email != user.email:
        if is_demo_login(body.email):
            raise AlreadyExists("email")
        if body.password is None:
            raise bad_field("/password", "required", "another address needs the current password")
        await _require_password(call, user, body.password)
        await profiles.ask_new_email(user, body.email)
    if body.name is not None and body.name.strip() != user.name:
        user = await profiles.rename(user.user_id, body.name.strip())
    if body.locale is not None and (locale := require_language(body.locale)) != user.locale:
        user = await profiles.set_locale(user.user_id, locale)
    return user_shape(user)


async def change_password(call: Call, body: PasswordChange) -> None:
    """Replace one's password; the session of this device goes on, all others end."""
    user = await find_self(call)
    await _require_password(call, user, body.current)
    require_good(body.new, user.name, user.email, pointer="/new")
    password_hash = await call.services.passwords.hash(body.new)
    assert call.token is not None
    await call.services.store.profiles.change_password(
        user, password_hash, session=call.token.session_id
    )


async def export_me(call: Call) -> Answer:
    """Show everything that is held about oneself, as a file."""
    user = await find_self(call)
    records = await call.services.store.personal.show(user.user_id)
    seals = call.services.store.seals
    document = Export(
        exported_at=datetime.now(UTC),  # allow own-clock: when a file was made
        account=records.account,
        sessions=records.sessions,
        bookings=[booking_shape(each, seals) for each in await _all_bookings(call, user.user_id)],
        holds=records.holds,
        boardings=records.boardings,
        deeds=records.deeds,
        mails=records.mails,
    )
    headers = (
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        (b"content-disposition", b'attachment; filename="omnibus-account.json"'),
    )
    return Answer(200, wire.encode(document), headers)


async def erase_me(call: Call, body: Erasure) -> None:
    """Erase one's account: nobody can sign in with it any more, and nothing kept says whose it was."""
    user = await find_self(call)
    await _require_password(call, user, body.password)
    await call.services.store.personal.erase(user)


async def _require_password(call: Call, user: User, password: str) -> None:
    """See that whoever holds this session knows the password, too; demo logins are everybody's, so nobody's."""
    if not await call.services.passwords.matches(password, user.password_hash):
        raise HttpProblem(403, "wrong_password", "That is not the password", "nothing was changed")
    if is_demo_login(user.email):
        raise Forbidden("the demo's people stay as they are")


async def _all_bookings(call: Call, user_id: int) -> list[Booking]:
    lookup = call.services.store.lookup
    found: list[Booking] = []
    before: tuple[datetime, int, int] | None = None
    while page := await lookup.list_of(user_id, before=before, limit=_PAGE):
        found += page
        before = (page[-1].created_at, page[-1].bus.bus_id, page[-1].booking_id)
    return found


_GUARDED: dict[int, str] = {403: "wrong_password"}

OPERATIONS = (
    Operation(
        "PATCH",
        "/auth/me",
        change_me,
        UserShape,
        access=Access.SIGNED_IN,
        problems=(AlreadyExists, TooManyMails, Forbidden, Overloaded, OutcomeUnknown),
        refusals=_GUARDED,
    ),
    Operation(
        "DELETE",
        "/auth/me",
        erase_me,
        None,
        status=204,
        access=Access.SIGNED_IN,
        problems=(TripsAhead, Forbidden, Overloaded, OutcomeUnknown),
        refusals=_GUARDED,
    ),
    Operation(
        "GET",
        "/auth/me/export",
        export_me,
        Export,
        access=Access.SIGNED_IN,
        problems=(Overloaded,),
    ),
    Operation(
        "POST",
        "/auth/password",
        change_password,
        None,
        status=204,
        access=Access.SIGNED_IN,
        problems=(InvalidRequest, Forbidden, Overloaded, OutcomeUnknown),
        refusals=_GUARDED,
    ),
)
