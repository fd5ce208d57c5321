"""Cancellation rules: drafted, published, and made what an operator or one of its routes sells under."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from server.api.shapes import (
    Currency,
    Identifier,
    Line,
    Page,
    parse_id,
    parse_operator,
    path_id,
    utc,
)
from server.contract import Access, Call, Idempotency, Operation
from server.cursors import read_id_cursor, write_id_cursor
from server.problems import FieldError, HttpProblem
from store.errors import (
    AlreadyExists,
    Forbidden,
    InvalidRequest,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    WrongState,
)
from store.refund_rules import Channel, Initiator, Term, find_faults
from store.refund_terms import NewRules, RulesCard
from store.requests import Reply

Who = Literal["passenger", "operator"]


class TermShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From so many minutes ahead of the passenger's own departure: so much of the fare, less a fixed fee.

    Without a `channel`: wherever it was bought. What is out of bounds is told of all terms at once.
    """

    before_minutes: int
    percent: int
    fee: int = 0
    service_fee_paid_by: Who = "passenger"
    channel: Literal["web", "counter", "kiosk"] | None = None
    initiator: Who = "passenger"


Terms = Annotated[list[TermShape], msgspec.Meta(min_length=1, max_length=200)]


class RefundRulesRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A draft: the next version of its name. Fees are in `currency`, without one in the operator's own."""

    name: Line
    terms: Terms
    operator: Identifier | None = None
    currency: Currency | None = None


class TermsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    terms: Terms


class RefundRulesShape(msgspec.Struct, frozen=True):
    """`default` and `routes` say what is sold under it now; what was sold before keeps its own."""

    id: str
    operator: str
    name: str
    version: int
    status: Literal["draft", "published"]
    currency: str
    terms: list[TermShape]
    published_at: datetime | None
    default: bool
    routes: list[str]


class RefundRulesPage(msgspec.Struct, frozen=True):
    items: list[RefundRulesShape]
    next_cursor: str | None


class RefundRulesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    operator: Identifier | None = None
    limit: Page = 20
    cursor: str | None = None


class RulesToUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rules` null: none of its own any more, of what is sold in `currency` (or the operator's own)."""

    rules: Identifier | None
    currency: Currency | None = None


class RulesInUse(msgspec.Struct, frozen=True):
    rules: str | None


async def list_refund_rules(call: Call, query: RefundRulesQuery) -> RefundRulesPage:
    """List cancellation rules, all versions and drafts, in the order they came."""
    found = await call.services.store.refund_terms.list(
        call.caller,
        parse_operator(query.operator),
        after=read_id_cursor(query.cursor),
        limit=query.limit,
    )
    last = found[-1].rules.rules_id if len(found) == query.limit else None
    return RefundRulesPage(
        [_shape(card) for card in found], write_id_cursor(last) if last else None
    )


async def draft_refund_rules(call: Call, body: RefundRulesRequest) -> Reply:
    """Draft cancellation rules; nothing is sold under them before they are published."""
    new = NewRules(
        body.name.strip(), _terms(body.terms), parse_operator(body.operator), body.currency
    )
    return await call.services.store.refund_terms.draft(call.caller, new, call.ask(_shape))


async def rewrite_refund_rules(call: Call, body: TermsRequest) -> RefundRulesShape:
    """Give a draft other terms."""
    terms = _terms(body.terms)
    return _shape(
        await call.services.store.refund_terms.rewrite(call.caller, _rules_of(call), terms)
    )


async def publish_refund_rules(call: Call) -> Reply:
    """Publish a draft: it never changes again."""
    return await call.services.store.refund_terms.publish(
        call.caller, _rules_of(call), call.ask(_shape)
    )


async def set_operator_rules(call: Call, body: RulesToUse) -> RulesInUse:
    """Sell under these rules from now on, whatever has none of its route."""
    operator_id = path_id(call.path["operator"], "operator", digits=9)
    return await _use(call, body, operator_id, None)


async def set_route_rules(call: Call, body: RulesToUse) -> RulesInUse:
    """Sell the buses of a route under these rules from now on."""
    return await _use(call, body, 0, path_id(call.path["route"], "route"))


async def _use(call: Call, body: RulesToUse, operator_id: int, route_id: int | None) -> RulesInUse:
    used = await call.services.store.refund_terms.set_default(
        call.caller,
        operator_id,
        route_id,
        rules_id=parse_id(body.rules, "/rules"),
        currency=body.currency,
    )
    return RulesInUse(None if used is None else str(used))


def _rules_of(call: Call) -> int:
    return path_id(call.path["rules"], "rules")


def _terms(given: list[TermShape]) -> tuple[Term, ...]:
    """Return terms that make sense; raise a problem that names everything that does not."""
    terms = tuple(
        Term(
            each.before_minutes,
            each.percent,
            each.fee,
            Initiator(each.service_fee_paid_by),
            None if each.channel is None else Channel(each.channel),
            Initiator(each.initiator),
        )
        for each in given
    )
    if faults := find_faults(terms):
        raise HttpProblem(
            422,
            "invalid_request",
            "The request makes no sense",
            f"{len(faults)} faults, each by its place; the first: {faults[0].detail}",
            errors=[FieldError(fault.pointer, fault.code, fault.detail) for fault in faults],
        )
    return terms


def _shape(card: RulesCard) -> RefundRulesShape:
    rules = card.rules
    return RefundRulesShape(
        id=str(rules.rules_id),
        operator=str(rules.operator_id),
        name=rules.name,
        version=rules.version,
        status="draft" if rules.published_at is None else "published",
        currency=rules.currency,
        terms=[_term_shape(term) for term in rules.terms],
        published_at=None if rules.published_at is None else utc(rules.published_at),
        default=card.is_default,
        routes=[str(route_id) for route_id in card.routes],
    )


def _term_shape(term: Term) -> TermShape:
    return TermShape(
        term.before_minutes,
        term.percent,
        term.fee,
        term.service_fee_paid_by.value,
        None if term.channel is None else term.channel.value,
        term.initiator.value,
    )


_CHANGING = (Forbidden, NotFound, InvalidRequest, OutcomeUnknown, Overloaded)

OPERATIONS = (
    Operation(
        "GET",
        "/admin/refund-rules",
        list_refund_rules,
        RefundRulesPage,
        access=Access.OVERSEERS,
        problems=(InvalidRequest, NotFound, Overloaded),
    ),
    Operation(
        "POST",
        "/admin/refund-rules",
        draft_refund_rules,
        RefundRulesShape,
        status=201,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(*_CHANGING, AlreadyExists, KeyReused),
    ),
    Operation(
        "PUT",
        "/admin/refund-rules/{rules}",
        rewrite_refund_rules,
        RefundRulesShape,
        access=Access.MANAGERS,
        problems=(*_CHANGING, WrongState),
    ),
    Operation(
        "POST",
        "/admin/refund-rules/{rules}/publish",
        publish_refund_rules,
        RefundRulesShape,
        access=Access.MANAGERS,
        idempotency=Idempotency.ACCEPTED,
        problems=(*_CHANGING, WrongState, KeyReused),
    ),
    Operation(
        "PUT",
        "/admin/operators/{operator}/refund-rules",
        set_operator_rules,
        RulesInUse,
        access=Access.MANAGERS,
        problems=_CHANGING,
    ),
    Operation(
        "PUT",
        "/admin/routes/{route}/refund-rules",
        set_route_rules,
        RulesInUse,
        access=Access.MANAGERS,
        problems=_CHANGING,
    ),
)
