"""What an operator lets buyers keep from others: read and set by its administrators."""

from dataclasses import asdict
from typing import Annotated

import msgspec

from server.api.shapes import parse_operator
from server.contract import Access, Call, Operation
from server.problems import HttpProblem
from store.errors import Forbidden, NotFound, Overloaded
from store.model import Limits


class LimitsShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of an operator's limits; `docs/limits.md` says what each is for. The bounds are those of the database.

    Without `seats_per_address` it is as many as `seats_per_buyer`.
    """

    seats_per_buyer: Annotated[int, msgspec.Meta(ge=1, le=100)]
    seats_per_staff: Annotated[int, msgspec.Meta(ge=1, le=100)]
    holds_per_buyer: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    holds_per_staff: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    cooldown_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)]
    extension_seconds: Annotated[int, msgspec.Meta(ge=0, le=1200)]
    hold_seconds_max: Annotated[int, msgspec.Meta(ge=30, le=1200)]
    seats_per_address: Annotated[int, msgspec.Meta(ge=1, le=200)] | None = None


async def read_limits(call: Call) -> LimitsShape:
    """Show what an operator lets buyers keep from others."""
    limits = await call.services.store.limits.find(call.caller, _operator_of(call))
    return LimitsShape(**asdict(limits))


async def set_limits(call: Call, body: LimitsShape) -> LimitsShape:
    """Set all limits at once; they count from the next hold on, and the audit log says what they were."""
    limits = Limits(**msgspec.structs.asdict(body))
    changed = await call.services.store.limits.set(call.caller, _operator_of(call), limits)
    return LimitsShape(**asdict(changed))


def _operator_of(call: Call) -> int:
    try:
        operator_id = parse_operator(call.path["operator"])
    except HttpProblem:
        operator_id = None
    if operator_id is None:
        raise NotFound("operator")
    return operator_id


OPERATIONS = (
    Operation(
        "GET",
        "/admin/operators/{operator}/limits",
        read_limits,
        LimitsShape,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, Overloaded),
    ),
    Operation(
        "PUT",
        "/admin/operators/{operator}/limits",
        set_limits,
        LimitsShape,
        access=Access.MANAGERS,
        problems=(Forbidden, NotFound, Overloaded),
    ),
)
