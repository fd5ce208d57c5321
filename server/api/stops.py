"""Stops and operators: where buses call, and whose they are."""

from typing import Annotated

import msgspec

from server import wire
from server.api.shapes import Named, StopShape, stop_shape
from server.caching import JSON, PLACES_CACHE
from server.contract import Access, Answer, Call, Operation
from server.policies import Rate
from store.errors import Overloaded


class StopQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    q: Annotated[str, msgspec.Meta(max_length=100)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20


class StopList(msgspec.Struct, frozen=True):
    items: list[StopShape]


class OperatorList(msgspec.Struct, frozen=True):
    items: list[Named]


async def find_stops(call: Call, query: StopQuery) -> Answer:
    """Find stops by part of their name, stations first."""
    text = "".join(char for char in query.q if char.isprintable()).strip()
    stops = await call.services.store.catalogue.find_stops(text, limit=query.limit)
    body = wire.encode(StopList([stop_shape(stop) for stop in stops]))
    return Answer(200, body, (JSON, PLACES_CACHE))


async def list_operators(call: Call) -> Answer:
    """List who sells here."""
    operators = await call.services.store.catalogue.operators()
    body = wire.encode(
        OperatorList([Named(str(each.operator_id), each.name) for each in operators])
    )
    return Answer(200, body, (JSON, PLACES_CACHE))


OPERATIONS = (
    Operation(
        "GET",
        "/stops",
        find_stops,
        StopList,
        access=Access.READERS,
        problems=(Overloaded,),
        rate=Rate.SEARCH,
    ),
    Operation(
        "GET",
        "/operators",
        list_operators,
        OperatorList,
        access=Access.READERS,
        problems=(Overloaded,),
    ),
)
