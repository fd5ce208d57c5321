"""What is refused without being parsed: only what every reader of HTTP takes for the same one request."""

import pytest

from server.glance import find_bus, glance

LINE = b"POST /api/v1/bookings HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("data", "asked"),
    [
        (b"GET /api/v1/stops?q=M%C3%BCn HTTP/1.1\r\n\r\n", ("GET", "/api/v1/stops")),
        (LINE + b"host: x\r\ncontent-length: 2\r\n\r\n{}", ("POST", "/api/v1/bookings")),
        (LINE + b"Content-Length:2\r\n\r\n{}", ("POST", "/api/v1/bookings")),
        (LINE + b"Host: x\r\nConnection: Keep-Alive\r\n\r\n", ("POST", "/api/v1/bookings")),
        (LINE + b"content-length: 0\r\n\r\n", ("POST", "/api/v1/bookings")),
    ],
)
def test_a_whole_plain_request_is_recognised(data: bytes, asked: tuple[str, str]) -> None:
    assert glance(data) == asked


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(LINE + b"host: x\r\n", id="half a head"),
        pytest.param(LINE + b"content-length: 3\r\n\r\n{}", id="half a body"),
        pytest.param(LINE + b"content-length: 2\r\n\r\n{}GET", id="the next request's beginning"),
        pytest.param(LINE + b"\r\n{}", id="a body of no length"),
        pytest.param(LINE + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}", id="two lengths"),
        pytest.param(LINE + b"content-length: 2\r\nContent-Length: 0\r\n\r\n{}", id="two answers"),
        pytest.param(LINE + b"content-length : 2\r\n\r\n{}", id="a space before the colon"),
        pytest.param(LINE + b"content-length: +2\r\n\r\n{}", id="a sign"),
        pytest.param(LINE + b"content-length: 2, 2\r\n\r\n{}", id="a list of lengths"),
        pytest.param(LINE + b"x-content-length: 2\r\n\r\n{}", id="another header's length"),
        pytest.param(LINE + b"x: y\r\n content-length: 2\r\n\r\n{}", id="a folded line"),
        pytest.param(LINE + b"x: y\ncontent-length: 2\r\n\r\n{}", id="a bare line feed"),
        pytest.param(LINE + b"x: y\rcontent-length: 2\r\n\r\n{}", id="a bare carriage return"),
        pytest.param(LINE + b"x: \0\r\n\r\n", id="a null"),
        pytest.param(LINE + b"x: y\r\n\n", id="a head that ends otherwise"),
        pytest.param(LINE + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n", id="chunks"),
        pytest.param(LINE + b"content-length: 0\r\nexpect: 100-continue\r\n\r\n", id="a question"),
        pytest.param(LINE + b"connection: close\r\n\r\n", id="a farewell"),
        pytest.param(LINE + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n", id="another protocol"),
        pytest.param(b"POST /api/v1/bookings HTTP/1.0\r\n\r\n", id="an older client"),
        pytest.param(b"HEAD /api/v1/stops HTTP/1.1\r\n\r\n", id="an answer without a body"),
        pytest.param(b"GET /livez HTTP/1.1\r\n\r\n", id="not the API"),
        pytest.param(b"GET /api/v1/%70ayments/1 HTTP/1.1\r\n\r\n", id="a path in disguise"),
        pytest.param(b"GET http://x/api/v1/stops HTTP/1.1\r\n\r\n", id="a whole address"),
    ],
)
def test_what_leaves_a_doubt_goes_to_the_parser(data: bytes) -> None:
    assert glance(data) is None


@pytest.mark.parametrize(
    ("path", "body", "bus"),
    [
        ("/api/v1/buses/12/holds", b'{"seats":["1A"]}', "12"),
        ("/api/v1/bookings", b'{"seats":["1A"],"bus_id" : "12"}', "12"),
        ("/api/v1/bookings", b'{"bus_id":12}', "12"),
        ("/api/v1/bookings", b'{"hold_id":"12"}', ""),
        ("/api/v1/bookings", b"", ""),
    ],
)
def test_a_request_says_which_bus_it_wants_seats_of(path: str, body: bytes, bus: str) -> None:
    assert find_bus(path, body) == bus
