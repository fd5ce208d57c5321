import httpx2
import pytest

from tests.api.answers import bad_input, problem
from tests.api.back_office import make
from tests.api.shop import Shop

Client = httpx2.AsyncClient
MARCH = {"from": "2033-03-01", "to": "2033-03-31"}


async def test_sales_are_summed_up_by_day_route_bus_and_channel(
    shop: Shop, rival: Client, rider: Client
) -> None:
    counter, kiosk = shop.client("rival_agent"), shop.client("rival_kiosk")
    buses = [
        (await make(rival, "buses", departs_at=at, total_seats=4, price=1000, name=at[8:10]))["id"]
        for at in ("2033-03-01T00:30:00+01:00", "2033-03-31T23:30:00+02:00")
    ]
    await make(rival, "buses", departs_at="2033-04-01T00:30:00+02:00", total_seats=4, price=1)
    await make(
        rival, "buses", departs_at="2033-03-05T00:30:00+01:00", total_seats=4, price=1, draft=True
    )
    await shop.pay(await shop.book(rider, buses[0], ["1A", "1B"]))
    await shop.book(counter, buses[1], ["1A"], method="cash")
    await shop.book(kiosk, buses[1], ["1C"], method="cash")
    await shop.book(rider, buses[1], ["1B"])

    async def report(group: str) -> dict[str, tuple[object, ...]]:
        answer = await rival.get("/admin/sales", params=MARCH | {"group": group})
        told = answer.json()
        assert (told["group"], told["complete"]) == (group, True)
        return {
            line["key"]: (
                line["bookings"],
                line["seats"],
                line["revenue"][0]["amount"],
                line["occupancy"],
            )
            for line in told["items"]
        }

    assert await report("day") == {
        "2033-03-01": (1, 2, 2000, 0.5),
        "2033-03-31": (2, 2, 2000, 0.5),
    }
    assert await report("bus") == {buses[0]: (1, 2, 2000, 0.5), buses[1]: (2, 2, 2000, 0.5)}
    told = (await rival.get("/admin/sales", params=MARCH | {"group": "bus"})).json()["items"]
    assert [each["departs_at"] for each in told] == ["2033-02-28T23:30:00Z", "2033-03-31T21:30:00Z"]
    assert await report("route") == {None: (3, 4, 4000, 0.5)}
    assert await report("channel") == {
        "online": (1, 2, 2000, None),
        "counter": (1, 1, 1000, None),
        "kiosk": (1, 1, 1000, None),
    }


async def test_sales_are_for_those_who_answer_for_them(shop: Shop) -> None:
    north = MARCH | {"operator": shop.operators["Northline"]}
    for who in ("manager", "support", "admin"):
        assert (await shop.client(who).get("/admin/sales", params=north)).status_code == 200
    problem(await shop.client("rival").get("/admin/sales", params=north), 404, "not_found")
    for who in ("agent", "rider"):
        problem(await shop.client(who).get("/admin/sales", params=north), 403, "forbidden")
    problem(await shop.client().get("/admin/sales", params=north), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"from": "2033-03-31", "to": "2033-03-01"}, "/to"),
        ({"from": "2033-01-01", "to": "2034-01-02"}, "/to"),
        ({"from": "2033-01-01", "to": "9999-12-31"}, "/to"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "/from"),
        ({"from": "2033-02-29", "to": "2033-03-01"}, "/from"),
        ({"from": "2033-03-01"}, "/to"),
        ({"to": "2033-03-01"}, "/from"),
        (MARCH | {"group": "colour"}, "/group"),
        (MARCH | {"operator": "x"}, "/operator"),
        (MARCH | {"limit": "1"}, "/limit"),
    ],
)
async def test_a_report_that_makes_no_sense_is_refused(
    manager: Client, query: dict[str, str], pointer: str
) -> None:
    assert bad_input(await manager.get("/admin/sales", params=query)) == [pointer]
