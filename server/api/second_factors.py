"""A second factor for one's account: set up, confirmed, removed."""

from typing import Annotated

import msgspec

from server.contract import Access, Call, Operation
from server.problems import bad_field, unauthenticated
from server.second_factors import digests_of, new_recovery_codes
from store.errors import NotFound, Overloaded, WrongState


class TotpSecret(msgspec.Struct, frozen=True):
    """For an authenticator: `secret` to type, `uri` to scan. Of no use until a code confirms it."""

    secret: str
    uri: str


class TotpCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6}$(?!\n)")]


class RecoveryCodes(msgspec.Struct, frozen=True):
    """Each is good once, in place of a code. They are shown here and never again."""

    recovery_codes: list[str]


class OwnPassword(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    password: Annotated[str, msgspec.Meta(max_length=128)]


async def begin_totp(call: Call) -> TotpSecret:
    """Make a secret for an authenticator; it replaces one that was never confirmed."""
    user_id = _own(call)
    user = await call.services.store.accounts.find(user_id)
    if user is None or user.is_disabled:
        raise unauthenticated("this account is closed")
    made = call.services.authenticator.new_secret(user_id, user.email)
    await call.services.store.second_factors.begin(user_id, made.sealed)
    return TotpSecret(made.text, made.uri)


async def confirm_totp(call: Call, body: TotpCode) -> RecoveryCodes:
    """Show that the authenticator works: its codes are asked for from now on, and all other sessions end."""
    user_id = _own(call)
    assert call.token is not None
    codes = new_recovery_codes()
    is_right = await call.services.store.second_factors.confirm(
        user_id,
        call.services.authenticator.attempt(user_id, body.code),
        digests_of(codes),
        session_id=call.token.session_id,
    )
    if not is_right:
        raise bad_field("/code", "wrong", "not the code of this moment; look at both clocks")
    return RecoveryCodes(codes)


async def remove_totp(call: Call, body: OwnPassword) -> None:
    """Sign in by password alone from now on; the password says that it is oneself who wants that."""
    user_id = _own(call)
    user = await call.services.store.accounts.find(user_id)
    password_hash = None if user is None or user.is_disabled else user.password_hash
    if not await call.services.passwords.matches(body.password, password_hash):
        raise bad_field("/password", "wrong", "that is not the password of this account")
    await call.services.store.second_factors.remove(user_id)


def _own(call: Call) -> int:
    assert call.caller.user_id is not None, "only who is signed in gets here"
    return call.caller.user_id


OPERATIONS = (
    Operation(
        "POST",
        "/auth/totp",
        begin_totp,
        TotpSecret,
        status=201,
        access=Access.SIGNED_IN,
        problems=(WrongState, Overloaded),
        is_for_enrolment=True,
    ),
    Operation(
        "DELETE",
        "/auth/totp",
        remove_totp,
        None,
        status=204,
        access=Access.SIGNED_IN,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "POST",
        "/auth/totp/confirm",
        confirm_totp,
        RecoveryCodes,
        access=Access.SIGNED_IN,
        problems=(WrongState, Overloaded),
        is_for_enrolment=True,
    ),
)
