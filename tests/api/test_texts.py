"""Every text of every operation, from the OpenAPI document, filled with what texts should not be made of."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, cast
from urllib.parse import quote

import pytest

from server.app import OPERATIONS, openapi_document
from server.contract import Operation
from tests.api.shop import Json, Shop
from tests.api.test_access import ROWS, fill, things

DOCUMENT: Json = json.loads(openapi_document())
MARK = "kEpTsEcReT"
TEXTS: Mapping[str, str] = {
    "empty": "",
    "one letter": "x",
    "blank": " ",
    "120 letters": "n" * 120,
    "121 letters": "n" * 121,
    "60,000 letters": "n" * 60_000,
    "NUL": f"{MARK}\x00",
    "lines": f"{MARK}\r\nset-cookie: a=b",
    "terminal colours": f"\x1b[31m{MARK}",
    "backspaces": f"{MARK}\b\b\b",
    "turned around": f"{MARK}\u202egnp",
    "isolated": f"\u2066{MARK}\u2069",
    "no width": f"a\u200b{MARK}",
    "marks on marks": "e" + "\u0301" * 100,
    "a family": "👩\u200d👩\u200d👧",
    "beyond the plane": "\U0010ffff",
    "not a letter": "\ufffe",
    "a formula": "=cmd|'/C calc'!A0",
    "a script": "<script>alert(1)</script>",
    "an attribute": '"><img src=x onerror=alert(1)>',
    "a template": "{{7*7}}${7*7}#{7*7}",
    "a format": "%s%n%x{0}{self}",
    "SQL": "'; DROP TABLE buses; --",
    "SQL in a like": "%_\\",
    "an array of SQL": "{1,2}",
    "a path": "../../etc/passwd",
    "a command": "$(reboot)`reboot`|reboot",
    "an address": "http://127.0.0.1:1/",
    "a log line": f'{MARK}" level=error event="',
    "2^63": str(2**63),
    "a number": "1e400",
    "Arabic digits": "\u0661\u0662",
    "nothing": "null",
}
_SECRETS = frozenset({"password", "authorization", "x-booking-key", "token"})
Place = tuple[str | int, ...]
# What all tests share, and the fields of it that a text may change here.
_SHARED = {"operators": ("name", "time_zone"), "stops": ("name", "time_zone")}


@pytest.fixture(autouse=True)
async def _put_back(shop: Shop) -> AsyncIterator[None]:
    """Give what other tests find here, too, its own name again."""
    admin = shop.client("admin")
    paths = [f"/admin/operators/{number}" for number in shop.operators.values()]
    paths += [f"/admin/stops/{number}" for number in shop.stops]
    before = {path: (await admin.get(path)).json() for path in paths}
    yield
    for path, was in before.items():
        if (await admin.get(path)).json() != was:
            fields = _SHARED[path.split("/")[2]]
            answer = await admin.patch(path, json={name: was[name] for name in fields})
            assert answer.status_code == 200, answer.text


def resolve(schema: Json) -> Json:
    if "$ref" in schema:
        return cast("Json", DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    return schema


def places(schema: Json, at: Place = ()) -> Iterator[Place]:
    """Yield every place of a body where a text may stand."""
    schema = resolve(schema)
    for choice in (schema, *schema.get("anyOf", ())):
        choice = resolve(choice)  # noqa: PLW2901 - the same, looked up
        if choice.get("type") == "string" or "enum" in choice:
            yield at
        for name, field in choice.get("properties", {}).items():
            yield from places(field, (*at, name))
        if isinstance(choice.get("items"), dict):
            yield from places(choice["items"], (*at, 0))


def put(body: Any, at: Place, text: str) -> Any:
    """Return the body with a text at a place, made if there is none."""
    if not at:
        return text
    step, rest = at[0], at[1:]
    if isinstance(step, int):
        items = list(body) if isinstance(body, list) and body else [None]
        return [put(items[0], rest, text), *items[1:]]
    fields = body if isinstance(body, dict) else {}
    return {**fields, step: put(fields.get(step), rest, text)}


def schema_of(operation: Operation) -> Json | None:
    told = DOCUMENT["paths"]["/api/v1" + operation.path][operation.method.lower()]
    content = told.get("requestBody", {}).get("content", {})
    # A body that is a file has no texts.
    media = content.get("application/json")
    return cast("Json", media["schema"]) if media else None


def who_for(operation: Operation) -> str | None:
    allowed = ROWS[operation.name].allowed
    return next((who for who in ("rider", "manager", "admin") if who in allowed), None)


WITH_TEXTS = [
    each for each in OPERATIONS if (schema := schema_of(each)) is not None and any(places(schema))
]


@pytest.mark.parametrize("operation", WITH_TEXTS, ids=lambda operation: operation.name)
async def test_a_text_in_a_body_is_kept_as_it_is_or_refused(
    shop: Shop, operation: Operation
) -> None:
    row = ROWS[operation.name]
    names = await things(shop, "texts", row)
    schema = schema_of(operation)
    assert schema is not None
    client = shop.client(who_for(operation))
    body = json.loads(fill(json.dumps(row.body), names)) or {}
    number = 0
    for at in places(schema):
        for case, text in TEXTS.items():
            number += 1
            answer = await client.request(
                operation.method,
                fill(row.path, names),
                content=json.dumps(put(body, at, text)).encode(),
                headers={"content-type": "application/json", "idempotency-key": f"t{number}"},
            )
            assert answer.status_code < 500, (at, case)
            if answer.status_code >= 400:
                assert MARK not in answer.text, (at, case)
            elif at and at[-1] not in _SECRETS and answer.content:
                kept = list(values(answer.json(), str(at[-1])))
                assert not kept or text.strip() in kept or text.strip().upper() in kept, (at, case)
    assert number


def values(told: Any, name: str) -> Iterator[str]:
    """Yield every text that an answer has under a name."""
    if isinstance(told, dict):
        for key, value in told.items():
            if key == name and isinstance(value, str):
                yield value
            yield from values(value, name)
    elif isinstance(told, list):
        for value in told:
            yield from values(value, name)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_a_text_in_an_address_or_a_header_finds_nothing_or_is_refused(
    shop: Shop, operation: Operation
) -> None:
    row = ROWS[operation.name]
    told = DOCUMENT["paths"]["/api/v1" + operation.path][operation.method.lower()]
    client = shop.client(who_for(operation))
    method = "HEAD" if operation.text else operation.method
    for parameter in told["parameters"]:
        for case, text in TEXTS.items():
            path, query, headers = (
                row.path,
                "",
                {"idempotency-key": "k", "content-type": "text/plain"},
            )
            if parameter["in"] == "path":
                path = operation.path.replace(f"{{{parameter['name']}}}", quote(text, safe=""))
            elif parameter["in"] == "query":
                query = f"?{parameter['name']}={quote(text, safe='')}"
            elif text.strip() == text != "" and text.isascii() and text.isprintable():
                headers[parameter["name"].lower()] = text
            else:
                continue
            for name in ("bus", "hold", "ref", "payment", "block", "operator"):
                path = path.replace(f"{{{name}}}", "999999")
            if "/" in text and parameter["in"] == "path":
                continue  # another path, in which nothing stands for anything
            answer = await client.request(method, path + query[:16_000], headers=headers)
            assert answer.status_code < 500, (parameter["name"], case)
            if parameter["name"].lower() in _SECRETS and text.strip():
                assert len(text) < 3 or text not in answer.text
