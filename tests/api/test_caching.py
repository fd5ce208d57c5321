"""What caches on the way are told: what is everybody's may be kept for a moment, what is somebody's by nobody."""

import httpx2
import pytest

from tests.api.shop import Shop

Client = httpx2.AsyncClient


def directives(answer: httpx2.Response) -> set[str]:
    return set(answer.headers["cache-control"].split(", "))


async def test_a_search_may_be_kept_by_a_cdn_and_is_not_sent_twice(
    shop: Shop, guest: Client
) -> None:
    await shop.bus(segments=4)
    wish = {"from": shop.stops[0], "to": shop.stops[3]}
    first = await guest.get("/buses", params=wish)
    kept = {"public", "max-age=0", "s-maxage=1", "stale-while-revalidate=4"}
    assert directives(first) == kept
    assert first.headers["vary"].lower() == "origin"
    assert "set-cookie" not in first.headers
    same = await guest.get("/buses", params=wish, headers={"if-none-match": first.headers["etag"]})
    assert (same.status_code, same.content, directives(same)) == (304, b"", kept)
    other = await guest.get("/buses", params=wish | {"limit": "1"})
    assert other.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize("path", ["/stops", "/operators", "/days?from={stop}"])
async def test_names_and_prices_of_days_may_be_kept_longer(
    shop: Shop, guest: Client, path: str
) -> None:
    answer = await guest.get(path.format(stop=shop.stops[0]))
    assert answer.status_code == 200
    assert {"public", "stale-while-revalidate"} <= {
        each.partition("=")[0] for each in directives(answer)
    }


async def test_a_seat_map_is_shown_only_after_we_were_asked(shop: Shop, guest: Client) -> None:
    assert directives(await guest.get(f"/buses/{await shop.bus()}/seats")) == {"no-cache"}


async def test_what_is_somebodys_is_kept_by_nobody(
    shop: Shop, guest: Client, rider: Client, manager: Client
) -> None:
    bus = await shop.bus()
    hold = await shop.hold(guest, bus, ["1A"])
    booking = await shop.book(rider, bus, ["1B"])
    for client, path in (
        (guest, f"/buses/{bus}"),
        (guest, f"/holds/{hold['id']}"),
        (rider, "/auth/me"),
        (rider, "/bookings"),
        (rider, f"/bookings/{booking['ref']}"),
        (manager, "/admin/buses"),
        (guest, "/buses?from=999999"),
    ):
        assert directives(await client.get(path)) == {"no-store"}, path
