"""Who sells here, as the platform keeps them; an operator's administrators may name and clock their own."""

from typing import Annotated

import msgspec

from server.api.shapes import (
    Currency,
    Language,
    Line,
    Page,
    Zone,
    path_id,
    require_language,
    require_zone,
)
from server.contract import Access, Answer, Call, Idempotency, Operation
from server.cursors import read_id_cursor, write_id_cursor
from server.versions import IF_MATCH, versioned, versions_expected
from store.errors import (
    AlreadyExists,
    Forbidden,
    InvalidRequest,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Stale,
)
from store.operators import NewOperator, OperatorCard, OperatorEdit
from store.requests import Reply

Minutes = Annotated[int, msgspec.Meta(ge=0, le=240)]


class OperatorQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: Page = 20
    cursor: str | None = None


class OperatorRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`currency` stays what it is: what was sold in it stays so, too."""

    name: Line
    time_zone: Zone
    currency: Currency
    locale: Language = "en"


class OperatorChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What shall be otherwise. Only the platform's administrators set `disabled`.

    Passengers are waited for until `no_show_minutes` after the bus has left their stop; with `release_no_shows` their
    seats are given away then without anybody's doing, on buses whose passengers are scanned.
    """

    name: Line | None = None
    time_zone: Zone | None = None
    disabled: bool | None = None
    no_show_minutes: Minutes | None = None
    release_no_shows: bool | None = None
    locale: Language | None = None


class OperatorShape(msgspec.Struct, frozen=True):
    id: str
    name: str
    time_zone: str
    currency: str
    disabled: bool
    no_show_minutes: int
    release_no_shows: bool
    locale: Annotated[
        str, msgspec.Meta(description="The language of mails to buyers who named none")
    ]
    version: Annotated[int, msgspec.Meta(description="The ETag, as a number")]


class OperatorPage(msgspec.Struct, frozen=True):
    items: list[OperatorShape]
    next_cursor: str | None


async def list_all_operators(call: Call, query: OperatorQuery) -> OperatorPage:
    """List operators: all for the platform's people, their own for an operator's."""
    after = read_id_cursor(query.cursor)
    found = await call.services.store.operators.list(call.caller, after=after, limit=query.limit)
    last = found[-1] if len(found) == query.limit else None
    return OperatorPage(
        [_shape(operator) for operator in found],
        write_id_cursor(last.operator_id) if last else None,
    )


async def read_operator(call: Call) -> Answer:
    """Show one operator."""
    card = await call.services.store.operators.find(call.caller, _operator_of(call))
    return versioned(_shape(card), card.version)


async def create_operator(call: Call, body: OperatorRequest) -> Reply:
    """Add an operator."""
    require_zone(body.time_zone)
    new = NewOperator(
        body.name.strip(), body.time_zone, body.currency, require_language(body.locale)
    )
    return await call.services.store.operators.add(call.caller, new, call.ask(_shape))


async def change_operator(call: Call, body: OperatorChange) -> Answer:
    """Rename an operator, move its clock, say what is done about no-shows, disable it or enable it again."""
    if body.time_zone is not None:
        require_zone(body.time_zone)
    edit = OperatorEdit(
        body.name and body.name.strip(),
        body.time_zone,
        body.disabled,
        body.no_show_minutes,
        body.release_no_shows,
        body.locale and require_language(body.locale),
    )
    card = await call.services.store.operators.change(
        call.caller, _operator_of(call), edit, versions_expected(call)
    )
    return versioned(_shape(card), card.version)


def _operator_of(call: Call) -> int:
    return path_id(call.path["operator"], "operator", digits=9)


def _shape(card: OperatorCard) -> OperatorShape:
    return OperatorShape(
        id=str(card.operator_id),
        name=card.name,
        time_zone=card.time_zone,
        currency=card.currency,
        disabled=card.is_disabled,
        no_show_minutes=card.no_show_minutes,
        release_no_shows=card.releases_no_shows,
        locale=card.locale,
        version=card.version,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/admin/operators",
        list_all_operators,
        OperatorPage,
        # Agents, too: times and days are those of their operator's clock.
        access=Access.STAFF,
        problems=(InvalidRequest, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/operators",
        create_operator,
        OperatorShape,
        status=201,
        access=Access.PLATFORM,
        idempotency=Idempotency.ACCEPTED,
        problems=(AlreadyExists, InvalidRequest, KeyReused, OutcomeUnknown, Overloaded),
    ),
    Operation(
        "GET",
        "/admin/operators/{operator}",
        read_operator,
        OperatorShape,
        access=Access.OVERSEERS,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "PATCH",
        "/admin/operators/{operator}",
        change_operator,
        OperatorShape,
        access=Access.MANAGERS,
        problems=(
            Forbidden,
            NotFound,
            AlreadyExists,
            Stale,
            InvalidRequest,
            OutcomeUnknown,
            Overloaded,
        ),
        headers=IF_MATCH,
    ),
)
