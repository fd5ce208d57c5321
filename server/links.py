"""Where an answer leads: which operations take the ids it carries. The OpenAPI document shows them as links."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Lead:
    """From the answer of operation `source` to `targets`: parameters by name, each from a place in the answer."""

    source: str
    targets: tuple[str, ...]
    parameters: Mapping[str, str]


_OF_BUS = ("read_bus", "read_seats", "suggest_seats", "create_hold")
_OF_HOLD = ("read_hold", "replace_hold", "extend_hold", "release_hold")
_OF_BOOKING = ("read_booking", "quote_refund", "cancel_booking")

LEADS = (
    Lead("search_buses", _OF_BUS, {"bus": "/items/0/id"}),
    Lead("create_bus", _OF_BUS, {"bus": "/id"}),
    Lead("create_hold", _OF_HOLD, {"hold": "/id"}),
    Lead("create_booking", _OF_BOOKING, {"ref": "/ref", "X-Booking-Key": "/access_key"}),
    Lead("create_booking", ("settle_demo_payment",), {"payment": "/payment/id"}),
    Lead("create_block", ("lift_block",), {"block": "/id"}),
)


def links_of(operation: str) -> dict[str, Any]:
    """Return the links of an operation's success, by the name of where they lead."""
    return dict(_links(operation))


def _links(operation: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for lead in LEADS:
        if lead.source == operation:
            parameters = {
                name: f"$response.body#{place}" for name, place in lead.parameters.items()
            }
            for target in lead.targets:
                yield target, {"operationId": target, "parameters": parameters}
