"""The examples of docs/admin.md, run one after the other, as an operator's administrator would."""

import re
import shlex
from pathlib import Path

import httpx2

from tests.api.shop import PASSWORD, Shop

GUIDE = Path(__file__).parents[2] / "docs" / "admin.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_KEPT = re.compile(r"(?P<name>[A-Z]+)=\$\((?P<curl>curl .*?) \| jq -r (?P<path>\.\S+)\)")
_VARIABLE = re.compile(r"\$([A-Z]+)")
_DEMO = '{"email":"operator@omnibus.example","password":"demo-operator"}'


async def test_every_example_of_the_guide_works(shop: Shop) -> None:
    known: dict[str, str] = {}
    lines = [line for block in _BLOCK.findall(GUIDE.read_text()) for line in block.splitlines()]
    assert len(lines) > 25
    before = await shop.owner.fetch(
        "SELECT time_zone, no_show_minutes, releases_no_shows FROM operators WHERE name = 'Northline'"
    )
    async with httpx2.AsyncClient(trust_env=False, verify=False) as client:
        for line in lines:
            await run(client, shop, known, line)
    # The shop is everybody's: days, for one, go by its clock.
    await shop.owner.execute(
        "UPDATE operators SET time_zone = $1, no_show_minutes = $2, releases_no_shows = $3 WHERE name = 'Northline'",
        *before[0],
    )


async def run(client: httpx2.AsyncClient, shop: Shop, known: dict[str, str], line: str) -> None:
    if line.startswith("API="):
        known["API"] = f"{shop.url}/api/v1"
        return
    kept = _KEPT.fullmatch(line)
    # The demo's people are not here, but others of the same roles.
    ours = f'{{"email":"manager@example.org","password":"{PASSWORD}"}}'
    command = (kept["curl"] if kept else line).replace(_DEMO, ours)
    answer = await client.send(request_of(_VARIABLE.sub(lambda found: known[found[1]], command)))
    assert answer.status_code < 300, (line, answer.text)
    if kept:
        value = answer.json()
        for step in re.findall(r"\.(\w+)|\[(\d+)\]", kept["path"]):
            value = value[step[0]] if step[0] else value[int(step[1])]
        assert isinstance(value, str), line
        known[kept["name"]] = value


def request_of(command: str) -> httpx2.Request:
    """Return what a curl command sends; a flag that is not known here has no place in the guide."""
    words = shlex.split(command)
    assert words[0] == "curl"
    method, url, body = "", "", None
    headers: dict[str, str] = {}
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "--json":
            body = next(rest)
            headers["content-type"] = "application/json"
        elif word != "-s":
            assert word.startswith("http"), word
            url = word
    return httpx2.Request(method or ("POST" if body else "GET"), url, headers=headers, content=body)
