"""Pages of other origins, requests for other hosts, and what every answer keeps to itself."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

from server.app import OPERATIONS
from server.config import load
from server.contract import Operation
from tests.api.answers import problem
from tests.api.served import Served
from tests.api.shop import Shop
from tests.api.test_access import ROWS, fill, things
from tests.support.databases import Databases
from tests.support.servers import ThrowawayValkey

Client = httpx2.AsyncClient
LISTED = "https://tickets.example"
LISTED_TOO = "https://kiosk.tickets.example:8443"
SETTINGS = {
    "OMNIBUS_ALLOWED_ORIGINS": f"{LISTED},{LISTED_TOO}",
    "OMNIBUS_ALLOWED_HOSTS": "tickets.example,127.0.0.1,[::1]",
    "OMNIBUS_TRUSTED_PROXIES": "127.0.0.1",
}
STRANGERS = (
    "https://evil.example",
    "https://tickets.example.evil.example",
    "https://eviltickets.example",
    "http://tickets.example",
    "https://tickets.example:444",
    "https://TICKETS.example",
    "https://tickets.example/",
    "null",
    "*",
    "",
)


@pytest.fixture(scope="module")
async def opened(
    databases: Databases, valkey: ThrowawayValkey
) -> AsyncIterator[tuple[Shop, Served]]:
    async with (
        databases.fresh() as url,
        await Shop.open(url) as shop,
        Served(url, valkey.url, settings=SETTINGS) as served,
    ):
        shop.url = served.url
        yield shop, served
        assert await served.failures() == []


@pytest.fixture
async def named(opened: tuple[Shop, Served]) -> AsyncIterator[Client]:
    """A guest of a server that knows its names."""
    shop, _ = opened
    yield shop.client()
    await shop.forget_clients()


def cors(answer: httpx2.Response) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if name.startswith("access-control")
    }


# Other origins.


@pytest.mark.parametrize("origin", [LISTED, LISTED_TOO])
async def test_a_listed_page_may_read_answers_and_what_they_say_in_headers(
    named: Client, origin: str
) -> None:
    for path in ("/stops", "/auth/me", "/buses/999", "/nowhere"):
        answer = await named.get(path, headers={"origin": origin})
        if path != "/nowhere":
            told = cors(answer)
            assert told.pop("access-control-allow-origin") == origin
            readable = told.pop("access-control-expose-headers")
            assert {"ETag", "Retry-After", "RateLimit", "Idempotent-Replayed", "Location"} <= set(
                readable.split(", ")
            )
            assert told == {}, "no cookie comes along"
        assert "origin" in answer.headers["vary"]


async def test_a_page_of_our_own_under_another_name_may_send_its_cookie(
    opened: tuple[Shop, Served], named: Client
) -> None:
    _, served = opened
    for name in ("localhost", "127.0.0.1"):
        origin = f"http://{name}:{served.port}"
        told = cors(await named.get("/stops", headers={"origin": origin}))
        assert told["access-control-allow-origin"] == origin
        assert told["access-control-allow-credentials"] == "true"


@pytest.mark.parametrize("origin", STRANGERS)
async def test_a_stranger_is_told_nothing_and_nothing_of_theirs_is_repeated(
    named: Client, origin: str
) -> None:
    for answer in (
        await named.get("/stops", headers={"origin": origin}),
        await named.options("/stops", headers=asking(origin)),
    ):
        assert cors(answer) == {}
        assert answer.headers["vary"] == "origin"
        assert not origin or origin not in str(answer.headers).replace("'*/*'", "")


def asking(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization,idempotency-key",
    }


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_a_browser_that_asks_first_is_told_what_the_table_has(
    named: Client, operation: Operation
) -> None:
    path = fill(operation.path, dict.fromkeys(("bus", "hold", "ref", "payment", "block"), "1"))
    answer = await named.options(path, headers=asking(LISTED, operation.method))
    assert answer.status_code == 204
    told = cors(answer)
    assert told["access-control-allow-origin"] == LISTED
    assert operation.method in told["access-control-allow-methods"].split(", ")
    accepted = {name.lower() for name in told["access-control-allow-headers"].split(", ")}
    assert {
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "if-none-match",
    } <= accepted
    assert {"last-event-id"} | {name.lower() for name in operation.headers} <= accepted
    assert int(told["access-control-max-age"]) > 0


async def test_a_listed_page_may_follow_a_bus(opened: tuple[Shop, Served]) -> None:
    shop, _ = opened
    bus = await shop.bus()
    url = f"/buses/{bus}/stream"
    answer = await shop.client().head(url, headers={"origin": LISTED})
    assert answer.headers["access-control-allow-origin"] == LISTED


# Cookies.

SITES: dict[str, tuple[dict[str, str], bool]] = {
    "no page": ({}, True),
    "our page": ({"origin": LISTED, "sec-fetch-site": "same-origin"}, True),
    "our page, an older browser": ({"origin": LISTED}, True),
    "typed by hand": ({"sec-fetch-site": "none"}, True),
    "a listed page of our site": ({"origin": LISTED_TOO, "sec-fetch-site": "same-site"}, True),
    "a page of our site that is not listed": (
        {"origin": "https://blog.tickets.example", "sec-fetch-site": "same-site"},
        False,
    ),
    "a listed page of another site": ({"origin": LISTED, "sec-fetch-site": "cross-site"}, False),
    "a page of another site": (
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        False,
    ),
    "another site without its origin": ({"sec-fetch-site": "cross-site"}, False),
    "our site without its origin": ({"sec-fetch-site": "same-site"}, False),
    "an opaque page": ({"origin": "null"}, False),
}


@pytest.mark.parametrize("case", SITES)
async def test_a_cookie_counts_only_from_pages_of_ours(named: Client, case: str) -> None:
    headers, is_ours = SITES[case]
    for path in ("/auth/logout", "/auth/refresh"):
        answer = await named.post(path, headers=headers)
        if is_ours:
            assert answer.status_code in {204, 401}
        else:
            problem(answer, 403, "forbidden")
            assert "set-cookie" not in answer.headers


# Other hosts.

HOSTS: dict[str, tuple[bytes, int]] = {
    "ours": (b"GET /api/v1/stops HTTP/1.1\r\nhost: tickets.example\r\n\r\n", 200),
    "ours with a port": (b"GET /api/v1/stops HTTP/1.1\r\nhost: Tickets.Example:443\r\n\r\n", 200),
    "ours in six": (b"GET /api/v1/stops HTTP/1.1\r\nhost: [::1]:80\r\n\r\n", 200),
    "ours, given whole": (
        b"GET http://tickets.example/api/v1/stops HTTP/1.1\r\nhost: tickets.example\r\n\r\n",
        200,
    ),
    "another": (b"GET /api/v1/stops HTTP/1.1\r\nhost: evil.example\r\n\r\n", 421),
    "another's page": (b"GET / HTTP/1.1\r\nhost: evil.example\r\n\r\n", 421),
    "another below ours": (b"GET /api/v1/stops HTTP/1.1\r\nhost: x.tickets.example\r\n\r\n", 421),
    "ours below another": (
        b"GET /api/v1/stops HTTP/1.1\r\nhost: tickets.example.evil.example\r\n\r\n",
        421,
    ),
    "a user before ours": (b"GET /api/v1/stops HTTP/1.1\r\nhost: x@tickets.example\r\n\r\n", 400),
    "ours as a user": (b"GET /api/v1/stops HTTP/1.1\r\nhost: tickets.example@evil\r\n\r\n", 400),
    "a path after ours": (b"GET /api/v1/stops HTTP/1.1\r\nhost: tickets.example/x\r\n\r\n", 400),
    "a list": (b"GET /api/v1/stops HTTP/1.1\r\nhost: tickets.example, evil\r\n\r\n", 400),
    "a word for a port": (b"GET /api/v1/stops HTTP/1.1\r\nhost: tickets.example:x\r\n\r\n", 400),
    "empty": (b"GET /api/v1/stops HTTP/1.1\r\nhost:\r\n\r\n", 400),
    "none": (b"GET /api/v1/stops HTTP/1.1\r\n\r\n", 400),
    "two": (
        b"GET /api/v1/stops HTTP/1.1\r\nhost: tickets.example\r\nhost: evil.example\r\n\r\n",
        400,
    ),
    "another, given whole": (
        b"GET http://evil.example/api/v1/stops HTTP/1.1\r\nhost: tickets.example\r\n\r\n",
        421,
    ),
    "another behind ours as a user": (
        b"GET http://tickets.example@evil.example/api/v1/stops HTTP/1.1\r\nhost: tickets.example\r\n\r\n",
        400,
    ),
    "an address for a path": (
        b"GET @evil.example/api/v1/stops HTTP/1.1\r\nhost: tickets.example\r\n\r\n",
        400,
    ),
    "another for a path": (
        b"GET //evil.example/api/v1/stops HTTP/1.1\r\nhost: tickets.example\r\n\r\n",
        404,
    ),
    "a tunnel": (b"CONNECT tickets.example:443 HTTP/1.1\r\nhost: tickets.example\r\n\r\n", 400),
    "forwarded for another": (
        b"GET /api/v1/stops HTTP/1.1\r\nhost: tickets.example\r\nx-forwarded-host: evil.example\r\n\r\n",
        200,
    ),
    "a probe": (b"GET /livez HTTP/1.1\r\nhost: 10.0.0.7:8000\r\n\r\n", 200),
}


@pytest.mark.parametrize("case", HOSTS)
async def test_only_requests_for_us_are_served(opened: tuple[Shop, Served], case: str) -> None:
    raw, status = HOSTS[case]
    reader, writer = await asyncio.open_connection(*opened[1].address)
    writer.write(raw)
    line = await reader.readline()
    assert int(line.split()[1]) == status
    if status == 421:
        head = await reader.readuntil(b"\r\n\r\n")
        told = json.loads(await reader.readuntil(b"}"))
        assert b"application/problem+json" in head
        assert told["code"] == "misdirected"
        assert b"evil" not in head + json.dumps(told).encode()
    writer.close()


async def test_a_socket_is_opened_for_us_only(opened: tuple[Shop, Served]) -> None:
    _, served = opened
    url = f"ws://127.0.0.1:{served.port}/ws"
    async with connect(url, subprotocols=["seatmap.v1"]):  # type: ignore[list-item]  # a name
        pass
    with pytest.raises(InvalidHandshake):
        async with connect(url, additional_headers={"Host": "evil.example"}):
            pass


@pytest.mark.parametrize(
    ("environment", "hosts"),
    [
        ({}, set()),
        ({"HOST": "10.0.0.5"}, set()),
        (
            {"HOST": "10.0.0.5", "ALLOWED_ORIGINS": "https://a.example:8443"},
            {"a.example", "10.0.0.5"},
        ),
        ({"HOST": "10.0.0.5", "ALLOWED_ORIGINS": "https://[2001:db8::1]:1"}, {"[2001:db8::1]"}),
        ({"HOST": "10.0.0.5", "ALLOWED_ORIGINS": "https://a.example", "DEMO": "on"}, set()),
        ({"ALLOWED_ORIGINS": "https://a.example"}, set()),
        ({"ALLOWED_HOSTS": "a.example, B.example"}, {"a.example", "b.example"}),
    ],
)
def test_the_names_we_go_by_are_set_or_follow_from_our_origins(
    environment: dict[str, str], hosts: set[str]
) -> None:
    settings = load({f"OMNIBUS_{name}": value for name, value in environment.items()})
    assert settings.hosts >= hosts
    assert bool(settings.hosts) == bool(hosts)


# Every answer.


def needs_caller_or_secret(operation: Operation) -> bool:
    return (
        None not in operation.access.value
        or operation.tells_guests_apart
        or "X-Booking-Key" in operation.headers
        or operation.path.startswith(("/auth", "/holds", "/bookings", "/payments"))
    )


KEPT = {"read_ticket_pdf", "read_ticket_calendar", "read_ticket_code", "read_ticket_keys"}
PRIVATE = [operation for operation in OPERATIONS if needs_caller_or_secret(operation)]


@pytest.mark.parametrize("operation", PRIVATE, ids=lambda operation: operation.name)
async def test_no_cache_keeps_what_is_told_to_one_caller(shop: Shop, operation: Operation) -> None:
    row = ROWS[operation.name]
    names = await things(shop, "cache", row)
    who = next(iter(sorted(row.allowed & {"rider", "manager"}, reverse=True)), None)
    for caller in (who, None):
        answer = await shop.client(caller).request(
            operation.method,
            fill(row.path, names),
            json=json.loads(fill(json.dumps(row.body), names)),
            headers={"idempotency-key": f"{caller}-{names['bus']}"},
        )
        kept = answer.headers["cache-control"]
        # A ticket may stay in the browser it was shown in, which asks each time whether it is good.
        allowed = {"no-store", "private, no-cache"} if operation.name in KEPT else {"no-store"}
        assert kept in allowed, (caller, answer.status_code)


async def test_every_answer_says_what_browsers_must_not_do(
    opened: tuple[Shop, Served], shop: Shop
) -> None:
    _, served = opened
    secure = {"x-forwarded-proto": "https", "host": "tickets.example"}
    async with Client(base_url=served.url, trust_env=False, verify=False) as client:
        for path in ("/", "/api/v1/stops", "/api/v1/nowhere", "/nowhere", "/livez", "/docs"):
            for headers in (secure, {}):
                answer = await client.get(path, headers={"accept": "text/html"} | headers)
                told = answer.headers
                assert told["x-content-type-options"] == "nosniff"
                assert told["referrer-policy"] == "same-origin"
                assert told["cross-origin-opener-policy"] == "same-origin"
                assert told["cross-origin-resource-policy"] == "same-origin"
                policy = told["content-security-policy"].split("; ")
                assert {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} <= set(
                    policy
                )
                assert any(part.startswith("form-action ") for part in policy)
                assert "unsafe" not in told["content-security-policy"]
                has_hsts = "strict-transport-security" in told
                assert has_hsts == (headers is secure)
                if has_hsts:
                    seconds, scope = told["strict-transport-security"].split("; ")
                    assert int(seconds.removeprefix("max-age=")) >= 365 * 24 * 3600
                    assert scope == "includeSubDomains"
        page = await client.get("/")
        assert "geolocation=()" in page.headers["permissions-policy"]
        assert "object-src 'none'" in page.headers["content-security-policy"]
