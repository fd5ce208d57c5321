"""With whom a request waits: told from its bytes, before anybody has decoded them."""

import pytest

from server.glance import find_bus


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
