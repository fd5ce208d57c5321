"""Ways in by mail: an address is proven, a forgotten password replaced. Tokens come as bodies, never as queries."""

from typing import Annotated

import msgspec

from server.api.accounts import Password, require_good
from server.api.bookings import Email
from server.contract import Access, Answer, Call, Operation
from server.policies import Rate
from store.errors import (
    AlreadyExists,
    Forbidden,
    InvalidRequest,
    LinkExpired,
    OutcomeUnknown,
    Overloaded,
    TooManyMails,
)
from store.mails import Template

MailedToken = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_ACCEPTED = Answer(202, headers=((b"cache-control", b"no-store"),))


class Verification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: MailedToken


class Forgetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Email


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: MailedToken
    password: Password


async def verify_email(call: Call, body: Verification) -> None:
    """Make the address that a link was mailed to the account's own; who follows it need not be signed in."""
    await call.services.store.profiles.verify_email(body.token)


async def resend_verification(call: Call) -> Answer:
    """Mail the link that proves one's address once more; nothing happens when it is proven."""
    assert call.caller.user_id is not None
    await call.services.store.profiles.resend_verification(call.caller.user_id)
    return _ACCEPTED


async def forget_password(call: Call, body: Forgetting) -> Answer:
    """Mail a link to choose a new password, if the address is an account's; the answer and the work do not tell."""
    await call.count(Rate.MAIL, body.email)
    await call.services.store.mails.ask(Template.RESET_PASSWORD, body.email)
    return _ACCEPTED


async def reset_password(call: Call, body: Reset) -> None:
    """Replace a forgotten password and sign out everywhere."""
    profiles, passwords = call.services.store.profiles, call.services.passwords
    user = await profiles.find_by_reset(body.token)
    require_good(body.password, user.name, user.email)
    await profiles.reset_password(body.token, await passwords.hash(body.password))


OPERATIONS = (
    Operation(
        "POST",
        "/auth/verify",
        verify_email,
        None,
        status=204,
        problems=(LinkExpired, AlreadyExists, Overloaded, OutcomeUnknown),
    ),
    Operation(
        "POST",
        "/auth/verify/resend",
        resend_verification,
        None,
        status=202,
        access=Access.SIGNED_IN,
        problems=(TooManyMails, Forbidden, Overloaded, OutcomeUnknown),
        rate=Rate.MAIL,
    ),
    Operation(
        "POST",
        "/auth/password/forgot",
        forget_password,
        None,
        status=202,
        problems=(Overloaded,),
        rate=Rate.MAIL,
    ),
    Operation(
        "POST",
        "/auth/password/reset",
        reset_password,
        None,
        status=204,
        problems=(LinkExpired, InvalidRequest, Overloaded, OutcomeUnknown),
    ),
)
