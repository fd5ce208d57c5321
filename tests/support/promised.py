"""Holds every frame that a client of a test says or hears against the AsyncAPI document."""

import json
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from jsonschema_rs import Draft7Validator

from server.app import asyncapi_document

_DOCUMENT = json.loads(asyncapi_document())


# The same text reaches hundreds of clients.
@lru_cache(maxsize=4096)
def heard(text: str) -> None:
    """See that a server may say this on a socket."""
    _check(text, _names("send", "socket"))


@lru_cache(maxsize=4096)
def said(text: str) -> None:
    """See that a client may say this."""
    _check(text, _names("receive", "socket"))


@lru_cache(maxsize=4096)
def followed(text: str) -> None:
    """See that a server may say this on an event stream."""
    _check(text, _names("send", "stream"))


def _check(text: str, names: frozenset[str]) -> None:
    frame = json.loads(text)
    name = frame["type"]
    assert name in names, f"nobody has told of {name!r} frames here"
    _validator(name).validate(frame)


@cache
def _names(action: str, channel: str) -> frozenset[str]:
    """Return the messages that go that way, answers included."""
    found: set[str] = set()
    for operation in _DOCUMENT["operations"].values():
        if operation["channel"]["$ref"] != f"#/channels/{channel}":
            continue
        reply = operation.get("reply", {}).get("messages", [])
        found.update(_last(operation["messages"] if operation["action"] == action else reply))
    return frozenset(found)


def _last(refs: Iterable[dict[str, str]]) -> Iterable[str]:
    return (ref["$ref"].rpartition("/")[2] for ref in refs)


@cache
def _validator(name: str) -> Draft7Validator:
    payload = _DOCUMENT["components"]["messages"][name]["payload"]
    components = {"schemas": _closed(_DOCUMENT["components"]["schemas"])}
    return Draft7Validator({"allOf": [payload], "components": components})


def _closed(schema: Any) -> Any:
    """Clients ignore what they do not know; a test must not, or the document could forget a member."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    if "properties" in closed:
        closed["additionalProperties"] = False
    return closed
