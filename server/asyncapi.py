"""The AsyncAPI 3.0 document, made from the frames of `realtime/protocol.py`: what `/ws` and the event streams say."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

import msgspec

from realtime.protocol import (
    SUBPROTOCOL,
    Ack,
    Auth,
    Board,
    BoardDeparture,
    Bye,
    ClientFrame,
    CloseCode,
    Delta,
    Error,
    Heartbeat,
    Hello,
    Money,
    OperatorSales,
    Sales,
    SalesHour,
    SalesRoute,
    ServerFrame,
    Snapshot,
    Status,
    Subscribe,
    Subscribed,
    Unsubscribe,
)
from server import openapi, wire

_SCHEMA = "#/components/schemas/{name}"
_NOW: Final = "2030-05-01T08:00:03.412Z"
_SEATS: Final = (("1A", "AAB"), ("1B", "LLA"))
_STREAMED: Final = (Snapshot, Delta, Status, Bye)
_REPLIES: Final[Mapping[type, tuple[type, ...]]] = {
    Subscribe: (Subscribed, Board, Sales, Error),
    Auth: (Error,),
    Heartbeat: (Ack,),
}
"""What answers what. Everything else that the server says, it says of its own accord."""

EXAMPLES: Final[tuple[msgspec.Struct, ...]] = (
    Subscribe(id=1, bus="42"),
    Subscribe(id=1, bus="42", epoch=1, rev=118),
    Subscribe(id=4, topic="board:17"),
    Subscribe(id=5, topic="sales"),
    Unsubscribe(id=2, bus="42"),
    Unsubscribe(id=6, topic="board:17"),
    Auth(id=3, token="eyJhbGciOi..."),  # nosec B106 # noqa: S106 - the start of any token
    Ack(revs={"42": 119}),
    Hello(session="mGx4c0XWbT5f9Qkq", now=_NOW, heartbeat=20),
    Subscribed(id=1, bus="42", mode="snapshot", epoch=1, rev=118, seats=_SEATS),
    Subscribed(id=1, bus="42", mode="same", epoch=1, rev=118),
    Delta(bus="42", epoch=1, prev=118, rev=119, seats=_SEATS[1:], at=_NOW),
    Snapshot(bus="42", epoch=1, rev=119, seats=_SEATS),
    Board(
        topic="board:17",
        stop="17",
        name="Lisboa Sete Rios",
        time_zone="Europe/Lisbon",
        departures=(
            BoardDeparture(
                bus="42",
                name="LX 104",
                operator="Costa Azul",
                route="Lisboa - Porto",
                destination="Porto",
                departs_at="2030-05-01T08:15:00Z",
                delay_seconds=300,
                bay="C4",
                status="SCHEDULED",
                seats_left=17,
                seats_total=48,
            ),
        ),
        at=_NOW,
    ),
    Sales(
        topic="sales",
        operators=(
            OperatorSales(
                operator="1",
                name="Costa Azul",
                date="2030-05-01",
                seats=3,
                revenue=Money(5970, "EUR"),
                hours=(SalesHour("2030-05-01T07:00:00Z", 3, Money(5970, "EUR")),),
                holds=4,
                holds_paid=2,
                conversion=0.5,
                conflicts=1,
                routes=(SalesRoute("7", "Lisboa - Porto", 12, 0.413),),
                watchers=9,
            ),
        ),
        at=_NOW,
    ),
    Heartbeat(revs={"42": 119}, now=_NOW),
    Error(id=1, code="not_found", detail="There is no such bus or topic."),
    Bye(code=CloseCode.DRAINING, reconnect_in=(0, 8000)),
    Status(live=False),
)


def document(version: str) -> dict[str, Any]:
    """Return the document as plain data, ready for JSON."""
    said, heard = get_args(ServerFrame), get_args(ClientFrame)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Omnibus, live",
            "version": version,
            "description": "Who owns which seat, as soon as it is committed. How to write a client: docs/live.md. "
            "Members that a client does not know are to be ignored; so does the server.",
            "license": {
                "name": "Apache-2.0",
                "url": "https://www.apache.org/licenses/LICENSE-2.0",
            },
        },
        "defaultContentType": "application/json",
        "servers": {
            "here": {
                "host": "{host}",
                "protocol": "wss",
                "description": "The host that serves the pages; `ws` where they are served by plain HTTP.",
                "variables": {"host": {"default": "localhost:8000"}},
            }
        },
        "channels": {"socket": _socket([*heard, *said]), "stream": _stream()},
        "operations": _operations(said, heard),
        "components": {
            "messages": {_name(frame): _message(frame) for frame in (*heard, *said)},
            "schemas": _schemas([*heard, *said]),
        },
    }


def _socket(frames: Iterable[type]) -> dict[str, Any]:
    protocol = {"type": "string", "const": SUBPROTOCOL}
    headers = {"type": "object", "properties": {"Sec-WebSocket-Protocol": protocol}}
    return {
        "address": "/ws",
        "description": "One conversation. A server's close codes: "
        + ", ".join(f"{code.value} {code.reason}" for code in CloseCode)
        + ".",
        "messages": _messages_of(frames),
        "bindings": {"ws": {"method": "GET", "headers": headers, "bindingVersion": "0.1.0"}},
    }


def _stream() -> dict[str, Any]:
    return {
        "address": f"{openapi.PREFIX}/buses/{{bus}}/stream",
        "description": "The same of one bus as server-sent events, named by the type of the frame. "
        "`id` is `epoch:rev`; `Last-Event-ID` resumes.",
        "parameters": {"bus": {"description": "The bus' id."}},
        "messages": _messages_of(_STREAMED),
        "bindings": {"http": {"bindingVersion": "0.3.0"}},
    }


def _operations(said: Iterable[type], heard: Iterable[type]) -> dict[str, Any]:
    answers = {Subscribed, Error}  # and nothing else
    found = {_name(frame): _operation("receive", frame) for frame in heard if frame is not Ack}
    found |= {_name(frame): _operation("send", frame) for frame in said if frame not in answers}
    found["follow"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/stream"},
        "summary": "What an event stream says.",
        "messages": _refs("stream", _STREAMED),
    }
    return found


def _operation(action: str, frame: type) -> dict[str, Any]:
    written: dict[str, Any] = {
        "action": action,
        "channel": {"$ref": "#/channels/socket"},
        "summary": frame.__doc__,
        "messages": _refs("socket", [frame]),
    }
    if replies := _REPLIES.get(frame):
        written["reply"] = {
            "channel": {"$ref": "#/channels/socket"},
            "messages": _refs("socket", replies),
        }
    return written


def _message(frame: type) -> dict[str, Any]:
    examples = [{"payload": _plain(example)} for example in EXAMPLES if type(example) is frame]
    return {
        "name": _name(frame),
        "summary": frame.__doc__,
        "payload": {"$ref": _SCHEMA.format(name=frame.__name__)},
        "examples": examples,
    }


def _schemas(frames: list[type]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components(frames, ref_template=_SCHEMA)
    for schema in components.values():
        if {"bus", "topic"} <= schema["properties"].keys():
            # Both are optional for msgspec; the decoder sees to it that one of them is there.
            schema["oneOf"] = [{"required": ["bus"]}, {"required": ["topic"]}]
    return {name: _as_draft_7(schema) for name, schema in components.items()}


def _as_draft_7(schema: Any) -> Any:
    """AsyncAPI's own schemas are of JSON Schema draft 7, which writes tuples in another way."""
    if isinstance(schema, list):
        return [_as_draft_7(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    written = {name: _as_draft_7(each) for name, each in schema.items()}
    if "prefixItems" in written:
        written["additionalItems"] = written.pop("items", False)
        written["items"] = written.pop("prefixItems")
    return written


def _messages_of(frames: Iterable[type]) -> dict[str, Any]:
    names = [_name(frame) for frame in frames]
    return {name: {"$ref": f"#/components/messages/{name}"} for name in names}


def _refs(channel: str, frames: Iterable[type]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{channel}/messages/{_name(frame)}"} for frame in frames]


def _name(frame: type) -> str:
    return frame.__name__.lower()


def _plain(example: msgspec.Struct) -> Any:
    return msgspec.json.decode(wire.encode(example))
