"""The examples of docs/webhooks.md do what the page says: they take what we send, and nothing else."""

import asyncio
import json
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from server.webhooks.events import EVENTS
from store.webhooks import EventType
from tests.webhooks.house import House, token
from tests.webhooks.receiver import Receiver

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
_NODE = shutil.which("node")
_DRIVER = """
import { readFileSync } from "node:fs";
import { verify } from "./verify.mjs";
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((each) => verify(each.headers, Buffer.from(each.body), each.secret))));
"""


def example(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
async def cases(house: House, receiver: Receiver) -> list[dict[str, Any]]:
    """A message as it came, during an overlap, under either secret; then what must be refused."""
    path = f"ok/{token()}"
    added = await house.add(receiver.url(path))
    rotated = await house.world.store.webhooks.rotate(house.world.admin, added.endpoint.endpoint_id)
    await house.happen()
    await house.sender().deliver()
    (got,) = receiver.got(path)
    headers, body = got["headers"], got["body"]
    good = {"headers": headers, "body": body, "secret": rotated.secret}
    other = added.secret[:10] + ("A" if added.secret[10] != "A" else "B") + added.secret[11:]
    old = {"webhook-timestamp": str(int(time.time()) - 301)}
    return [
        good,
        good | {"secret": added.secret},
        good | {"secret": other},
        good | {"body": body + " "},
        good | {"headers": headers | {"webhook-id": "another"}},
        good | {"headers": headers | {"webhook-signature": "v1,short"}},
        good | {"headers": headers | old},
    ]


RIGHT = [True, True, False, False, False, False, False]


async def test_the_example_in_python_takes_what_we_send_and_nothing_else(
    cases: list[dict[str, Any]],
) -> None:
    names: dict[str, Any] = {}
    exec(example("python"), names)  # noqa: S102 - our own page
    verify = names["verify"]
    said = [verify(each["headers"], each["body"].encode(), each["secret"]) for each in cases]
    assert said == RIGHT


@pytest.mark.skipif(_NODE is None, reason="there is no Node.js here")
async def test_the_example_for_node_takes_what_we_send_and_nothing_else(
    cases: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert _NODE is not None
    (tmp_path / "verify.mjs").write_text(example("javascript"), encoding="utf-8")
    (tmp_path / "driver.mjs").write_text(_DRIVER, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        _NODE,
        "driver.mjs",
        cwd=tmp_path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate(json.dumps(cases).encode())
    assert json.loads(said) == RIGHT


def test_the_page_names_every_event() -> None:
    assert EVENTS.keys() == set(EventType)
    assert {f"`{each}`" for each in EventType} <= set(re.findall(r"`[a-z]+\.[a-z]+`", PAGE))
