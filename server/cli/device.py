"""`device`: which kiosks, boards and scanners an operator has."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer

from server.cli.database import database_url
from store import Store
from store.access import DatabaseUnusable, reaching
from store.devices import Device
from store.errors import InvalidRequest, NotFound, WrongState
from store.facade import StoreOptions
from store.model import DeviceKind
from store.pairing import NewDevice

T = TypeVar("T")
_MOST = 10_000
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_Id = Annotated[int, typer.Argument(help="The device's number.", show_default=False)]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Pair kiosks, boards and scanners, and shut them out.", no_args_is_help=True
    )
    group.command("pair")(pair)
    group.command("list")(list_devices)
    group.command("revoke")(revoke)
    group.command("roll")(roll)
    app.add_typer(group, name="device")


def pair(
    *,
    operator: Annotated[
        str, typer.Option(help="Whose device it will be: its name or id.", show_default=False)
    ],
    kind: Annotated[DeviceKind, typer.Option(help="What it will be.", show_default=False)],
    name: Annotated[str, typer.Option(help="How it is called.", show_default=False)],
    stop: Annotated[
        int | None,
        typer.Option(help="Where it stands: a stop's id. Scanners need none.", show_default=False),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Show the code that pairs a device: six digits, good once and for five minutes."""
    if not 1 <= len(name.strip()) <= 120 or not name.isprintable():
        sys.exit("omnibus: --name is a line of 1 to 120 characters")

    async def work(store: Store) -> tuple[str, dict[str, Any]]:
        operator_id = await _find_operator(store, operator)
        new = NewDevice(operator_id, kind, name.strip(), stop)
        shown = await store.pairing.show_code(None, new)
        document = {
            "code": shown.code,
            "kind": new.kind.value,
            "name": new.name,
            "operator": str(operator_id),
            "stop": None if stop is None else str(stop),
            "expires_at": shown.expires_at.isoformat(),
        }
        return shown.code, document

    code, document = _on_store("device pair", work)
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
        return
    print(f"code {code[:3]} {code[3:]} for {kind} {name.strip()}, until {document['expires_at']}")


def list_devices(
    *,
    operator: Annotated[
        str | None, typer.Option(help="Only those of one operator: its name or id.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """List devices by number, those shut out among them."""

    async def work(store: Store) -> list[Device]:
        operator_id = None if operator is None else await _find_operator(store, operator)
        return await store.devices.list(None, operator_id, limit=_MOST)

    devices = _on_store("device list", work)
    if as_json:
        print(json.dumps({"items": [*map(_document, devices)]}, ensure_ascii=False))
        return
    for each in devices:
        state = "revoked" if each.revoked_at else f"last seen {each.last_seen_at:%Y-%m-%d %H:%M}"
        place = f" at {each.stop}" if each.stop else ""
        print(f"{each.device_id:>6}  {each.kind:8}  {each.name}{place}  {each.operator}  {state}")


def revoke(device: _Id, *, as_json: _Json = False) -> None:
    """Shut a device out for good: its key opens nothing, within seconds everywhere."""
    _on_store("device revoke", lambda store: store.devices.revoke(None, device))
    print(json.dumps({"id": str(device)}) if as_json else f"device {device} is shut out")


def roll(device: _Id, *, as_json: _Json = False) -> None:
    """Give a device another key, shown once; the one that it has is good for ten minutes more."""
    rolled = _on_store("device roll", lambda store: store.devices.roll(None, device))
    until = rolled.old_key_ends_at.isoformat()
    if as_json:
        print(json.dumps({"id": str(device), "key": rolled.key, "old_key_ends_at": until}))
        return
    print(f"{rolled.key}\nthe key before it is good until {until}")


def _on_store(command: str, work: Callable[[Store], Awaitable[T]]) -> T:
    url = database_url(command)

    async def run() -> T:
        async with reaching(url):
            store = await Store.open(url, StoreOptions(pool_size=1))
            try:
                return await work(store)
            finally:
                await store.close()

    try:
        return asyncio.run(run())
    except DatabaseUnusable as error:
        sys.exit(f"omnibus: cannot use the database: {error.reason}")
    except NotFound as error:
        sys.exit(f"omnibus: there is no such {error.what}")
    except (InvalidRequest, WrongState) as error:
        sys.exit(f"omnibus: {error.detail}")


async def _find_operator(store: Store, wanted: str) -> int:
    operators = await store.catalogue.operators()
    for each in operators:
        if wanted == str(each.operator_id) or wanted.casefold() == each.name.casefold():
            return each.operator_id
    known = ", ".join(f"{each.name} ({each.operator_id})" for each in operators) or "none yet"
    sys.exit(f"omnibus: there is no operator {wanted}; known are: {known}")


def _document(device: Device) -> dict[str, Any]:
    return {
        "id": str(device.device_id),
        "operator": str(device.operator_id),
        "kind": device.kind.value,
        "name": device.name,
        "stop": None if device.stop_id is None else str(device.stop_id),
        "status": "active" if device.revoked_at is None else "revoked",
        "version": device.version,
        "paired_at": device.paired_at.isoformat(),
        "last_seen_at": device.last_seen_at and device.last_seen_at.isoformat(),
        "last_sale_at": device.last_sale_at and device.last_sale_at.isoformat(),
    }
