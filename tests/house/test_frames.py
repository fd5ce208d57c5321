"""The AsyncAPI document, the page for those who write clients, and the frames themselves say the same."""

import json
import re
from typing import Any

import pytest
from jsonschema_rs import ValidationError

from server.app import asyncapi_document
from server.asyncapi import EXAMPLES
from tests.house.drift import ROOT
from tests.support import promised

DOCUMENT = json.loads(asyncapi_document())
PAGE = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
_FRAME = re.compile(r"^(?P<way>[<>] |data: )(?P<frame>\{.*\})$", re.MULTILINE)
_IN_TABLE = re.compile(r'^\| `(?P<frame>\{"type":.*?\})` \|', re.MULTILINE)
_CHECKS = {"< ": promised.heard, "> ": promised.said, "data: ": promised.followed}
SHOWN = [
    *((found["way"], found["frame"]) for found in _FRAME.finditer(PAGE)),
    *(("> ", found["frame"]) for found in _IN_TABLE.finditer(PAGE)),
]


def refs_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return here + [ref for each in value.values() for ref in refs_in(each)]
    if isinstance(value, list):
        return [ref for each in value for ref in refs_in(each)]
    return []


def test_every_reference_leads_somewhere() -> None:
    refs = refs_in(DOCUMENT)
    assert refs
    for ref in refs:
        place = DOCUMENT
        for step in ref.removeprefix("#/").split("/"):
            place = place[step]


def test_operations_use_messages_of_their_own_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        for message in operation["messages"]:
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/")


def test_every_message_has_an_example_and_a_sentence() -> None:
    assert {type(example).__name__.lower() for example in EXAMPLES} == set(
        DOCUMENT["components"]["messages"]
    )
    for message in DOCUMENT["components"]["messages"].values():
        assert message["summary"]
        assert message["examples"]


def test_what_the_page_shows_is_most_of_what_there_is() -> None:
    assert len(SHOWN) >= 14


@pytest.mark.parametrize(("way", "frame"), SHOWN)
def test_every_frame_of_the_page_is_one_of_the_document(way: str, frame: str) -> None:
    _CHECKS[way](frame)


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["messages"]))
def test_every_example_of_the_document_is_what_it_says(name: str) -> None:
    checks = [promised.said, promised.heard]
    for example in DOCUMENT["components"]["messages"][name]["examples"]:
        passed = []
        for check in checks:
            try:
                check(json.dumps(example["payload"]))
            except AssertionError:
                continue
            passed.append(check)
        assert len(passed) == 1, "either a client says it, or a server"


def test_the_page_names_every_frame_and_every_refusal() -> None:
    for name in DOCUMENT["components"]["messages"]:
        assert f"`{name}`" in PAGE or f'"type":"{name}"' in PAGE, name
    for code in DOCUMENT["components"]["schemas"]["Error"]["properties"]["code"]["enum"]:
        assert f"`{code}`" in PAGE, code


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"status"}',
        '{"type":"status","live":1}',
        '{"type":"status","live":true,"why":"?"}',
        '{"type":"delta","bus":"1","epoch":1,"prev":0,"rev":1,"seats":[["1A"]],"at":""}',
        '{"type":"error","id":1,"code":"oops","detail":""}',
    ],
)
def test_what_is_not_promised_is_seen(frame: str) -> None:
    with pytest.raises(ValidationError):
        promised.heard(frame)


@pytest.mark.parametrize(
    "frame",
    ['{"type":"subscribe","id":1}', '{"type":"subscribe","id":1,"bus":"1","topic":"sales"}'],
)
def test_a_subscription_is_to_one_thing(frame: str) -> None:
    with pytest.raises(ValidationError):
        promised.said(frame)


def test_nobody_says_what_is_the_others_to_say() -> None:
    with pytest.raises(AssertionError):
        promised.heard('{"type":"ack","revs":{}}')
    with pytest.raises(AssertionError):
        promised.followed('{"type":"hello","session":"s","now":"","heartbeat":20}')
