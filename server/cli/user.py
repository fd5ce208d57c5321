"""`user`: who may sign in, and as what."""

import getpass
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
import typer

from server.cli.database import on_store
from store import Store
from store.accounts import NewUser, User
from store.errors import AlreadyExists, NotFound
from store.model import Role
from store.staffing import Staffing

_STAFF = {Role.AGENT, Role.OPERATOR}
_MOST = 10_000
_Email = Annotated[str, typer.Argument(help="Their e-mail address.", show_default=False)]
_Operator = Annotated[
    str | None,
    typer.Option(help="Whom an agent or operator works for: its name or id.", show_default=False),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Say who may sign in, and as what.", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(list_users)
    group.command("set-role")(set_role)
    group.command("set-password")(set_password)
    group.command("disable")(disable)
    group.command("enable")(enable)
    group.command("end-sessions")(end_sessions)
    group.command("reset-totp")(reset_totp)
    app.add_typer(group, name="user")


def add(
    email: _Email,
    *,
    name: Annotated[str, typer.Option(help="How they are called.", show_default=False)],
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.RIDER,
    operator: _Operator = None,
    as_json: _Json = False,
) -> None:
    """Add a user. The password is asked for, or read from stdin: one line."""
    from server.passwords import Passwords  # noqa: PLC0415 - heavy imports only for those who need them

    password = _read_password()
    _check(name=name, email=email, password=password)

    async def work(store: Store) -> User:
        operator_id = await _find_operator(store, role, operator)
        passwords = Passwords()
        try:
            password_hash = await passwords.hash(password)
        finally:
            passwords.close()
        try:
            return await store.accounts.add(
                NewUser(name.strip(), email, password_hash, role, operator_id)
            )
        except AlreadyExists:
            sys.exit(f"omnibus: {email} is a user already")

    user = on_store("user add", work)
    print(json.dumps(_document(user)) if as_json else f"added {user.email} as {user.role}")


def list_users(*, as_json: _Json = False) -> None:
    """List everybody who can sign in, oldest first."""

    async def work(store: Store) -> tuple[list[User], dict[int | None, str]]:
        operators: dict[int | None, str] = {
            each.operator_id: each.name for each in await store.catalogue.operators()
        }
        return await store.accounts.list(limit=_MOST), operators

    users, operators = on_store("user list", work)
    if as_json:
        print(json.dumps({"items": [_document(user) for user in users]}, ensure_ascii=False))
        return
    width = max((len(user.email) for user in users), default=0)
    for user in users:
        works_for = operators.get(user.operator_id, "")
        state = "  (disabled)" if user.is_disabled else ""
        print(f"{user.email:{width}}  {user.role:8}  {user.name}  {works_for}{state}".rstrip())


def set_role(
    email: _Email,
    role: Annotated[Role, typer.Argument(help="What they may do.", show_default=False)],
    *,
    operator: _Operator = None,
) -> None:
    """Let a user do something else from now on. They must sign in again."""

    async def work(store: Store) -> None:
        user = await _find(store, email)
        operator_id = await _find_operator(store, role, operator)
        await Staffing(store.db).set_role(user.user_id, role, operator_id)

    on_store("user set-role", work)
    print(f"{email} is {role} now, and signed out everywhere")


def set_password(email: _Email) -> None:
    """Give a user another password: asked for, or read from stdin. They must sign in again."""
    from server.passwords import Passwords  # noqa: PLC0415

    password = _read_password()
    _check(password=password)

    async def work(store: Store) -> None:
        user = await _find(store, email)
        passwords = Passwords()
        try:
            password_hash = await passwords.hash(password)
        finally:
            passwords.close()
        await Staffing(store.db).set_password(user.user_id, password_hash)

    on_store("user set-password", work)
    print(f"{email} has a new password and is signed out everywhere")


def disable(email: _Email) -> None:
    """Close an account. Whatever is signed in with it may do nothing more, from this moment on."""
    _for_user("user disable", email, lambda store, user: Staffing(store.db).disable(user.user_id))
    print(f"{email} is closed, and signed out everywhere")


def enable(email: _Email) -> None:
    """Open an account that was closed. They must sign in again."""
    _for_user("user enable", email, lambda store, user: Staffing(store.db).enable(user.user_id))
    print(f"{email} may sign in again")


def end_sessions(email: _Email) -> None:
    """Sign a user out everywhere, from this moment on."""
    _for_user("user end-sessions", email, lambda store, user: store.sessions.end_all(user.user_id))
    print(f"{email} is signed out everywhere")


def reset_totp(email: _Email) -> None:
    """Forget a user's second factor and recovery codes, for who has lost both. They must sign in again."""

    async def work(store: Store, user: User) -> None:
        try:
            await store.second_factors.remove(user.user_id)
        except NotFound:
            sys.exit(f"omnibus: {email} has no second factor")
        await store.sessions.end_all(user.user_id)

    _for_user("user reset-totp", email, work)
    print(f"{email} signs in by password alone until they set up a second factor anew")


def _for_user(command: str, email: str, work: Callable[[Store, User], Awaitable[None]]) -> None:
    async def find_and_work(store: Store) -> None:
        await work(store, await _find(store, email))

    on_store(command, find_and_work)


def _read_password() -> str:
    """Ask twice at a terminal, read a line elsewhere; never from the arguments, which every process can read."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    again = getpass.getpass("Again: ")
    if again != password:  # allow compared-secret: the same person typed both
        sys.exit("omnibus: the two differ; nothing was changed")
    return password


def _check(*, password: str, name: str = "Somebody", email: str = "somebody@here.example") -> None:
    """Hold input to what the API holds it to; exit with what is wrong."""
    from server import wire  # noqa: PLC0415
    from server.api.accounts import Registration  # noqa: PLC0415
    from server.demo import is_demo_login  # noqa: PLC0415
    from server.password_rules import fault_of  # noqa: PLC0415

    given = {"name": name, "email": email, "password": password}
    try:
        msgspec.convert(given, Registration)
    except msgspec.ValidationError as error:
        fault = wire.invalid(error)
        sys.exit(f"omnibus: {fault.pointer.lstrip('/')}: {fault.detail}")
    if easy := fault_of(password, own=(name, email)):
        sys.exit(f"omnibus: password: {easy}")
    if is_demo_login(email):
        sys.exit(f"omnibus: {email} is kept for the demo's people")


async def _find(store: Store, email: str) -> User:
    user = await store.accounts.find_by_email(email)
    return user or sys.exit(f"omnibus: there is no user {email}")


async def _find_operator(store: Store, role: Role, wanted: str | None) -> int | None:
    if role not in _STAFF:
        if wanted is not None:
            sys.exit(f"omnibus: a user of role {role} works for no operator; leave out --operator")
        return None
    operators = await store.catalogue.operators()
    if wanted is not None:
        for each in operators:
            if wanted == str(each.operator_id) or wanted.casefold() == each.name.casefold():
                return each.operator_id
    known = ", ".join(f"{each.name} ({each.operator_id})" for each in operators) or "none yet"
    sys.exit(f"omnibus: --operator must say whom the {role} works for; known are: {known}")


def _document(user: User) -> dict[str, Any]:
    return {
        "id": str(user.user_id),
        "name": user.name,
        "email": user.email,
        "role": user.role.value,
        "operator": None if user.operator_id is None else str(user.operator_id),
        "is_disabled": user.is_disabled,
    }
