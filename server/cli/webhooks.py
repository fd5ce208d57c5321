"""`webhooks`: which systems of operators are told of what happens, and whether they listen."""

import json
import sys
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer

from server.cli.database import on_store
from store import Store
from store.errors import NotFound, WrongState
from store.webhook_log import Told
from store.webhooks import Endpoint

T = TypeVar("T")
_MOST = 10_000
_Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
_Id = Annotated[int, typer.Argument(help="The webhook's number.", show_default=False, min=1)]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Show, test and repeat what operators' systems are told.", no_args_is_help=True
    )
    group.command("list")(list_webhooks)
    group.command("test")(send_test)
    group.command("resend")(resend)
    app.add_typer(group, name="webhooks")


def list_webhooks(
    *,
    operator: Annotated[int | None, typer.Option(help="Only those of one operator.")] = None,
    as_json: _Json = False,
) -> None:
    """List webhooks by number: where they lead, whether they are enabled, and what waits for them."""
    found = _on_store(
        "webhooks list", lambda store: store.webhooks.list(None, operator, limit=_MOST)
    )
    if as_json:
        print(json.dumps({"items": [*map(_document, found)]}, ensure_ascii=False))
        return
    for each in found:
        waiting = f"  {each.waiting} waiting" if each.waiting else ""
        print(
            f"{each.endpoint_id:>6}  {_state(each):9}  {each.operator_id:>6}  {each.url}{waiting}"
        )


def send_test(webhook: _Id, *, as_json: _Json = False) -> None:
    """Have a worker send a test to a webhook."""
    from server.webhooks.events import body_of_test  # noqa: PLC0415 - heavy, and only for this

    told = _on_store(
        "webhooks test",
        lambda store: store.webhook_log.test(None, webhook, body_of_test(webhook)),
    )
    _say(told, as_json=as_json)


def resend(
    webhook: _Id,
    delivery: Annotated[
        uuid.UUID | None, typer.Argument(help="One delivery.", show_default=False)
    ] = None,
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            help="Or all that failed since then, with its offset.",
            formats=["%Y-%m-%dT%H:%M:%S%z"],
            show_default=False,
        ),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Send a delivery again, or everything that failed since a moment: at most 1,000 at a time."""
    if (delivery is None) == (since is None):
        sys.exit("omnibus: name either a delivery or --since")
    if delivery is not None:
        told = _on_store(
            "webhooks resend", lambda store: store.webhook_log.resend(None, webhook, delivery)
        )
        _say(told, as_json=as_json)
        return
    assert since is not None
    resent = _on_store(
        "webhooks resend", lambda store: store.webhook_log.resend_failed(None, webhook, since)
    )
    if as_json:
        print(json.dumps({"resent": resent.count, "more": resent.are_left}))
        return
    print(f"{resent.count} are sent again" + ("; there are more" if resent.are_left else ""))


def _say(told: Told, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"id": str(told.delivery_id), "status": told.state.lower()}))
        return
    print(f"delivery {told.delivery_id} waits for a worker")


def _on_store(command: str, work: Callable[[Store], Awaitable[T]]) -> T:
    try:
        return on_store(command, work)
    except NotFound as error:
        sys.exit(f"omnibus: there is no such {error.what}")
    except WrongState as error:
        sys.exit(f"omnibus: {error.detail}")


def _state(endpoint: Endpoint) -> str:
    if endpoint.disabled_at is not None:
        return "disabled"
    return "failing" if endpoint.failing_since else "enabled"


def _document(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": str(endpoint.endpoint_id),
        "operator": str(endpoint.operator_id),
        "url": endpoint.url,
        "description": endpoint.description,
        "events": [*endpoint.event_types],
        "status": _state(endpoint),
        "disabled_because": endpoint.disabled_because,
        "failing_since": endpoint.failing_since and endpoint.failing_since.isoformat(),
        "waiting": endpoint.waiting,
        "sequence": endpoint.last_sequence,
    }
