import json
import re
from html.parser import HTMLParser
from importlib.metadata import version

import httpx2
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from server.app import OPERATIONS, asyncapi_document, openapi_document
from tests.api.shop import Json, Shop

Client = httpx2.AsyncClient


@pytest.fixture
def outside(shop: Shop) -> Client:
    """What a browser sees: nothing of `/api`."""
    return shop.client(prefix="")


@pytest.fixture
async def document(outside: Client) -> Json:
    served: Json = (await outside.get("/openapi.json")).json()
    return served


async def test_the_document_is_valid_openapi_3_1(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


async def test_the_served_document_is_that_of_the_code(document: Json) -> None:
    assert document == json.loads(openapi_document())
    assert document["info"]["version"] == version("omnibus")


async def test_the_document_of_what_is_pushed_is_served_beside_it(outside: Client) -> None:
    answer = await outside.get("/asyncapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == asyncapi_document()


async def test_it_has_every_operation_under_a_name_of_its_own(document: Json) -> None:
    found = {
        (method.upper(), path.removeprefix("/api/v1")): operation["operationId"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert found == {(each.method, each.path): each.name for each in OPERATIONS}
    assert len(set(found.values())) == len(OPERATIONS)


async def test_every_refusal_is_a_problem_document(document: Json) -> None:
    for methods in document["paths"].values():
        for operation in methods.values():
            refusals = {
                status: told for status, told in operation["responses"].items() if status >= "4"
            }
            assert refusals
            for told in refusals.values():
                assert told["content"].keys() == {"application/problem+json"}


async def test_the_docs_page_needs_nothing_from_elsewhere(outside: Client) -> None:
    page = await outside.get("/docs", headers={"accept": "text/html"})
    assert page.status_code == 200
    links = _Links()
    links.feed(page.text)
    assert links.found
    for link in links.found:
        if not link.startswith("data:"):
            assert re.match(r"/(?!/)", link), link
            assert (await outside.get(link)).status_code == 200, link
    policy = dict(
        part.split(" ", 1) for part in page.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].split()[0] == "'self'"
    assert not re.search(r"https?:", " ".join(policy.values()))


class _Links(HTMLParser):
    """Everything a page loads or links to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found += [value for name, value in attrs if name in {"src", "href"} and value]
