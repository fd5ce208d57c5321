"""With whom a request waits: told from its bytes, before anybody has decoded them."""

import pytest

from server.glance import Rank, find_bus, find_rank


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


@pytest.mark.parametrize(
    ("method", "path", "body", "rank"),
    [
        ("POST", "/api/v1/payments/webhooks/stripe", b"{}", Rank.WEBHOOK),
        ("POST", "/api/v1/payments/x/demo", b"{}", Rank.PAYMENT),
        ("POST", "/api/v1/bookings", b'{"hold_id":"1-x"}', Rank.CONFIRM),
        ("POST", "/api/v1/bookings", b'{"bus_id":"12"}', Rank.HOLD),
        ("POST", "/api/v1/buses/12/holds", b"{}", Rank.HOLD),
        ("PUT", "/api/v1/holds/1-x", b"{}", Rank.HOLD),
        ("POST", "/api/v1/holds/1-x/extend", b"", Rank.HOLD),
        ("GET", "/api/v1/holds/1-x", b"", Rank.SEARCH),
        ("GET", "/api/v1/buses", b"", Rank.SEARCH),
        ("GET", "/", b"", Rank.SEARCH),
        ("POST", "/api/v1/auth/login", b'{"hold_id":"1"}', Rank.SEARCH),
        ("GET", "/api/v1/buses/12/stream", b"", Rank.JOIN),
    ],
)
def test_who_is_nearer_to_having_paid_goes_first(
    method: str, path: str, body: bytes, rank: Rank
) -> None:
    assert find_rank(method, path, body) is rank
