"""`keys`: what signs access tokens, tickets and the tokens of waiting rooms, and taking turns with it."""

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from server.cli.database import on_store
from store import Store
from store.errors import NotFound, WrongState
from store.house_keys import ROOMS, SAFE_DELAY, TICKETS, HouseKey, KeyState

_SAFE_SECONDS = int(SAFE_DELAY.total_seconds())


class Kind(StrEnum):
    """What keys sign."""

    ACCESS = "access"
    TICKETS = "tickets"
    ROOMS = "rooms"


_Kind = Annotated[
    Kind,
    typer.Option("--of", help="Which keys: those of access tokens, tickets or waiting rooms."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_MEANINGS = {
    "waits": "verifies already, signs from {signs_at}",
    "signs": "signs since {signs_at}",
    "verifies": "verifies only, may be retired from {free_at}",
    "retired": "retired at {retired_at}",
}


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Change the keys that sign tokens and tickets, while everybody stays signed in and may board.",
        no_args_is_help=True,
    )
    group.command("list")(list_keys)
    group.command("rotate")(rotate)
    group.command("retire")(retire)
    app.add_typer(group, name="keys")


def list_keys(*, of: _Kind = Kind.ACCESS, as_json: _Json = False) -> None:
    """List the keys, newest first, and what each does."""

    async def work(store: Store) -> list[KeyState]:
        return await _find_all(store, of)

    _show(on_store("keys list", work), as_json=as_json)


def rotate(
    *,
    after: Annotated[
        int,
        typer.Option(
            min=0,
            max=86_400,
            help="Seconds until it signs: every process has to know it by then. 0 if the old one is known to others.",
        ),
    ] = _SAFE_SECONDS,
    of: _Kind = Kind.ACCESS,
    as_json: _Json = False,
) -> None:
    """Add a new key. It verifies at once, signs after a while, and then the old one can be retired.

    Nobody is signed out: what the old key signed stays good until it is over, ten minutes at most. A ticket is good
    until its bus has come: scanners without a network must have fetched the new key before it signs. A place in a
    waiting room is good for a day.
    """

    async def work(store: Store) -> list[KeyState]:
        taken = [key.key_id for key in await _find_all(store, of)]
        await store.house_keys.rotate(
            _purpose(of), _new_key(of, taken), after=timedelta(seconds=after)
        )
        return await _find_all(store, of)

    _show(on_store("keys rotate", work), as_json=as_json)


def retire(
    key_id: Annotated[
        str, typer.Argument(help="Its id, as `keys list` shows it.", show_default=False)
    ],
    *,
    now: Annotated[
        bool,
        typer.Option(
            "--now",
            help="Although tokens or tickets of it are still good: their holders fetch new ones. "
            "For a key that others may know.",
        ),
    ] = False,
    of: _Kind = Kind.ACCESS,
    as_json: _Json = False,
) -> None:
    """Let a key do nothing any more. Refused while tokens or tickets of it may be good, unless --now."""

    async def work(store: Store) -> list[KeyState]:
        try:
            await store.house_keys.retire(_purpose(of), key_id, at_once=now)
        except NotFound:
            sys.exit(f"omnibus: there is no key {key_id}")
        except WrongState as error:
            sys.exit(f"omnibus: {key_id} cannot be retired: {error.detail}")
        return await _find_all(store, of)

    _show(on_store("keys retire", work), as_json=as_json)


async def _find_all(store: Store, of: Kind) -> list[KeyState]:
    return await store.house_keys.list_states(_purpose(of))


def _purpose(of: Kind) -> str:
    from server.tokens import SIGNING  # noqa: PLC0415 - heavy imports only for those who need them

    return {Kind.ACCESS: SIGNING, Kind.TICKETS: TICKETS, Kind.ROOMS: ROOMS}[of]


def _new_key(of: Kind, taken: Sequence[str]) -> HouseKey:
    from server.ticketing.token import new_ticket_key  # noqa: PLC0415 - the same
    from server.tokens import new_signing_key  # noqa: PLC0415 - the same
    from server.waiting.tokens import new_room_key  # noqa: PLC0415 - the same

    if of is Kind.TICKETS:
        return new_ticket_key(taken)
    return new_room_key() if of is Kind.ROOMS else new_signing_key()


def _show(keys: list[KeyState], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"items": [_document(key) for key in keys]}))
        return
    if not keys:
        print("no keys yet: the first process that serves makes one")
    for key in keys:
        moments = {
            name: f"{moment:%Y-%m-%d %H:%M:%S %Z}"
            for name in ("signs_at", "free_at", "retired_at")
            if (moment := getattr(key, name)) is not None
        }
        print(f"{key.key_id}  {_MEANINGS[key.state].format(**moments)}")


def _document(key: KeyState) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "state": key.state,
        "created_at": key.created_at.isoformat(),
        "signs_at": key.signs_at.isoformat(),
        "retired_at": None if key.retired_at is None else key.retired_at.isoformat(),
        "may_be_retired_from": None if key.free_at is None else key.free_at.isoformat(),
    }
