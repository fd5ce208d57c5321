"""People: register, sign in, stay signed in, sign out."""

from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Annotated

import msgspec

from server import wire
from server.api.bookings import Email
from server.api.shapes import Line
from server.contract import Access, Answer, Call, Operation
from server.demo import is_demo_login
from server.languages import negotiate
from server.password_rules import fault_of
from server.policies import Rate
from server.problems import bad_field, totp_required, unauthenticated
from server.tokens import LIFETIME_SECONDS
from store.accounts import NewUser, User
from store.errors import AlreadyExists, Forbidden, NotFound, Overloaded
from store.model import Role
from store.sessions import IDLE, Session

Password = Annotated[str, msgspec.Meta(min_length=8, max_length=128)]
_PATH = "/api/v1/auth"
_NEED_SECOND_FACTOR = frozenset({Role.OPERATOR, Role.ADMIN})


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Line
    email: Email
    password: Password


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Annotated[str, msgspec.Meta(max_length=254)]
    password: Annotated[str, msgspec.Meta(max_length=128)]
    totp: Annotated[str, msgspec.Meta(max_length=40)] | None = None


class Leaving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which sessions end: this one, or all that the user has."""

    everywhere: bool = False


class UserShape(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    name: str
    email: str
    email_verified: bool
    role: str
    operator: str | None = None
    locale: str | None = None


class SignedIn(msgspec.Struct, frozen=True):
    user: UserShape
    access_token: str
    expires_in: int
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme


def user_shape(user: User) -> UserShape:
    return UserShape(
        id=str(user.user_id),
        name=user.name,
        email=user.email,
        email_verified=user.is_verified,
        role=user.role.value,
        operator=str(user.operator_id) if user.operator_id else None,
        locale=user.locale,
    )


async def register(call: Call, body: Registration) -> Answer:
    """Open a rider's account and sign in. Mails to them are in the language that their browser asks for."""
    if is_demo_login(body.email):
        raise AlreadyExists("email")
    require_good(body.password, body.name, body.email)
    password_hash = await call.services.passwords.hash(body.password)
    asked = call.headers.get(b"accept-language", b"").decode("latin-1")
    new = NewUser(body.name.strip(), body.email, password_hash, locale=negotiate(asked))
    user = await call.services.store.accounts.register(new)
    return await _sign_in(call, user.user_id, status=201)


async def login(call: Call, body: Credentials) -> Answer:
    """Sign in with e-mail and password, and a code of the second factor if there is one."""
    email = body.email if body.email.isprintable() else ""
    await call.count(Rate.LOGIN, email, call.client)
    user = await call.services.store.accounts.find_by_email(email)
    may_enter = user is not None and not user.is_disabled
    if is_demo_login(email) and not call.services.settings.demo:
        may_enter = False
    password_hash = user.password_hash if user and may_enter else None
    is_match = await call.services.passwords.matches(body.password, password_hash)
    if user is not None:
        call.services.security_log.note_login(user, is_successful=is_match)
    if user is None or not is_match:
        raise unauthenticated("e-mail or password is wrong")
    await _require_second_factor(call, user.user_id, body.totp)
    call.forgive(Rate.LOGIN, email, call.client)
    return await _sign_in(call, user.user_id, status=200)


async def refresh(call: Call) -> Answer:
    """Swap the refresh cookie for a new one and a fresh access token."""
    call.services.origins.require_own_page(call.headers)
    token = refresh_cookie(call)
    session = await call.services.store.sessions.rotate(token) if token else None
    if session is None:
        problem = unauthenticated("sign in again")
        problem.headers = (*problem.headers, _drop_cookie(call))
        raise problem
    return await _signed_in(call, session, status=200)


async def logout(call: Call, body: Leaving) -> Answer:
    """End the session on this device, or everywhere: what it may still do ends with it."""
    call.services.origins.require_own_page(call.headers)
    sessions, user_id = call.services.store.sessions, call.caller.user_id
    if token := refresh_cookie(call):
        user_id = await sessions.end(token) or user_id
    elif call.token is not None and user_id is not None:
        with suppress(NotFound):
            await sessions.end_one(user_id, call.token.session_id)
    if body.everywhere and user_id is not None:
        await sessions.end_all(user_id)
    return Answer(204, headers=((b"cache-control", b"no-store"), _drop_cookie(call)))


async def read_me(call: Call) -> UserShape:
    """Show who is signed in."""
    return user_shape(await find_self(call))


async def find_self(call: Call) -> User:
    """Return the caller's account; a token outlives an account that was closed, and opens nothing then."""
    assert call.caller.user_id is not None
    user = await call.services.store.accounts.find(call.caller.user_id)
    if user is None or user.is_disabled:
        raise unauthenticated("this account is closed")
    return user


def require_good(password: str, name: str, email: str, *, pointer: str = "/password") -> None:
    """Refuse a password that would be among the first to be tried for this person."""
    if fault := fault_of(password, own=(name, email)):
        raise bad_field(
            pointer, "too_easy", f"{fault}; a few words that belong together nowhere else will do"
        )


async def _require_second_factor(call: Call, user_id: int, given: str | None) -> None:
    factors = call.services.store.second_factors
    if not await factors.is_confirmed(user_id):
        return
    if given is None:
        raise totp_required()
    await call.count(Rate.CODE, str(user_id))
    if not await factors.use(user_id, call.services.authenticator.attempt(user_id, given)):
        raise unauthenticated("e-mail, password or code is wrong")


async def _sign_in(call: Call, user_id: int, *, status: int) -> Answer:
    try:
        session = await call.services.store.sessions.start(user_id)
    except NotFound:
        raise unauthenticated("this account is closed") from None
    return await _signed_in(call, session, status=status)


async def _signed_in(call: Call, session: Session, *, status: int) -> Answer:
    # Read after the session exists: whatever changes from now on ends it, and this token with it.
    user = await call.services.store.accounts.find(session.user_id)
    if user is None or user.is_disabled:
        raise unauthenticated("this account is closed")
    access = call.services.tokens.issue(
        user, session.session_id, may_only_enrol=await _lacks_second_factor(call, user)
    )
    headers = (
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        _cookie_header(call, session.token, int(IDLE.total_seconds())),
    )
    body = SignedIn(user_shape(user), access, LIFETIME_SECONDS)
    return Answer(status, wire.encode(body), headers)


async def _lacks_second_factor(call: Call, user: User) -> bool:
    if call.services.settings.staff_totp != "required" or user.role not in _NEED_SECOND_FACTOR:
        return False
    return not await call.services.store.second_factors.is_confirmed(user.user_id)


def _cookie_name(call: Call) -> str:
    # A `__Host-` cookie must be Secure, and plain HTTP (a laptop, a demo) cannot carry one.
    return "__Host-omnibus_refresh" if call.scheme == "https" else "omnibus_refresh"


def _cookie_header(call: Call, value: str, seconds: int) -> tuple[bytes, bytes]:
    is_secure = call.scheme == "https"
    parts = [f"{_cookie_name(call)}={value}", f"Path={'/' if is_secure else _PATH}"]
    parts += [
        "HttpOnly",
        "SameSite=Strict",
        f"Max-Age={seconds}",
        *(["Secure"] if is_secure else []),
    ]
    return b"set-cookie", "; ".join(parts).encode()


def _drop_cookie(call: Call) -> tuple[bytes, bytes]:
    return _cookie_header(call, "", 0)


def refresh_cookie(call: Call) -> str | None:
    try:
        cookies = SimpleCookie(call.headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    found = cookies.get(_cookie_name(call))
    return found.value if found and found.value else None


OPERATIONS = (
    Operation(
        "POST",
        "/auth/register",
        register,
        SignedIn,
        status=201,
        problems=(AlreadyExists, Overloaded),
        rate=Rate.REGISTER,
    ),
    Operation(
        "POST",
        "/auth/login",
        login,
        SignedIn,
        problems=(Overloaded,),
        refusals={401: "totp_required"},
        is_for_enrolment=True,
        rate=Rate.LOGIN,
    ),
    Operation(
        "POST",
        "/auth/refresh",
        refresh,
        SignedIn,
        problems=(Forbidden, Overloaded),
        is_for_enrolment=True,
        rate=Rate.SESSION,
    ),
    Operation(
        "POST",
        "/auth/logout",
        logout,
        None,
        status=204,
        problems=(Forbidden, Overloaded),
        is_for_enrolment=True,
        rate=Rate.SESSION,
    ),
    Operation(
        "GET",
        "/auth/me",
        read_me,
        UserShape,
        access=Access.SIGNED_IN,
        problems=(Overloaded,),
        is_for_enrolment=True,
    ),
)
