"""People: register, sign in, stay signed in, sign out."""

from http.cookies import CookieError, SimpleCookie
from typing import Annotated

import msgspec

from server import wire
from server.api.bookings import Email
from server.api.shapes import Line
from server.contract import Access, Answer, Call, Operation
from server.demo import is_demo_login
from server.problems import HttpProblem, unauthenticated
from server.tokens import LIFETIME_SECONDS
from store.accounts import NewUser, User
from store.errors import AlreadyExists, Forbidden, Overloaded
from store.sessions import IDLE, Session

Password = Annotated[str, msgspec.Meta(min_length=8, max_length=128)]
_PATH = "/api/v1/auth"


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Line
    email: Email
    password: Password


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    email: Annotated[str, msgspec.Meta(max_length=254)]
    password: Annotated[str, msgspec.Meta(max_length=128)]


class UserShape(msgspec.Struct, frozen=True, omit_defaults=True):
    id: str
    name: str
    email: str
    role: str
    operator: str | None = None


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
        role=user.role.value,
        operator=str(user.operator_id) if user.operator_id else None,
    )


async def register(call: Call, body: Registration) -> Answer:
    """Open a rider's account and sign in."""
    if is_demo_login(body.email):
        raise AlreadyExists("email")
    password_hash = await call.services.passwords.hash(body.password)
    new = NewUser(body.name.strip(), body.email, password_hash)
    user = await call.services.store.accounts.add(new)
    return await _sign_in(call, user, status=201)


async def login(call: Call, body: Credentials) -> Answer:
    """Sign in with e-mail and password."""
    email = body.email if body.email.isprintable() else ""
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
    return await _sign_in(call, user, status=200)


async def refresh(call: Call) -> Answer:
    """Swap the refresh cookie for a new one and a fresh access token."""
    _require_own_page(call)
    token = _cookie(call)
    session = await call.services.store.sessions.rotate(token) if token else None
    user = await call.services.store.accounts.find(session.user_id) if session else None
    if session is None or user is None or user.is_disabled:
        problem = unauthenticated("sign in again")
        problem.headers = (*problem.headers, _drop_cookie(call))
        raise problem
    return _signed_in(call, user, session, status=200)


async def logout(call: Call) -> Answer:
    """End the session on this device."""
    _require_own_page(call)
    if token := _cookie(call):
        await call.services.store.sessions.end(token)
    return Answer(204, headers=(_drop_cookie(call),))


async def read_me(call: Call) -> UserShape:
    """Show who is signed in."""
    assert call.caller.user_id is not None
    user = await call.services.store.accounts.find(call.caller.user_id)
    if user is None or user.is_disabled:
        raise unauthenticated("this account is closed")
    return user_shape(user)


async def _sign_in(call: Call, user: User, *, status: int) -> Answer:
    session = await call.services.store.sessions.start(user.user_id)
    return _signed_in(call, user, session, status=status)


def _signed_in(call: Call, user: User, session: Session, *, status: int) -> Answer:
    body = SignedIn(user_shape(user), call.services.tokens.issue(user), LIFETIME_SECONDS)
    headers = (
        (b"content-type", b"application/json"),
        (b"cache-control", b"no-store"),
        _cookie_header(call, session.token, int(IDLE.total_seconds())),
    )
    return Answer(status, wire.encode(body), headers)


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


def _cookie(call: Call) -> str | None:
    try:
        cookies = SimpleCookie(call.headers.get(b"cookie", b"").decode("latin-1"))
    except CookieError:
        return None
    found = cookies.get(_cookie_name(call))
    return found.value if found and found.value else None


def _require_own_page(call: Call) -> None:
    """A cookie speaks for the user only when our own pages (or no page at all) send it."""
    origin = call.headers.get(b"origin")
    if (
        origin is not None
        and origin.decode("latin-1").lower() not in call.services.settings.origins
    ):
        raise HttpProblem(403, "forbidden", "Not allowed", "this page may not do that")


OPERATIONS = (
    Operation(
        "POST",
        "/auth/register",
        register,
        SignedIn,
        status=201,
        problems=(AlreadyExists, Overloaded),
    ),
    Operation("POST", "/auth/login", login, SignedIn, problems=(Overloaded,)),
    Operation("POST", "/auth/refresh", refresh, SignedIn, problems=(Forbidden, Overloaded)),
    Operation("POST", "/auth/logout", logout, None, status=204, problems=(Forbidden, Overloaded)),
    Operation(
        "GET", "/auth/me", read_me, UserShape, access=Access.SIGNED_IN, problems=(Overloaded,)
    ),
)
