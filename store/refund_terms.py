"""Cancellation rules as operators write them: drafted, published for good, and made what is sold under."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from store.authority import (
    note,
    operator_asked_for,
    operator_to_add_to,
    require_manager,
    scope_of,
    sees,
)
from store.db import Connection, Database, Record
from store.errors import AlreadyExists, InvalidRequest, NotFound, WrongState
from store.model import Caller
from store.once import answer_once
from store.queries import Queries
from store.refund_rules import RuleSet, Term
from store.requests import Ask, Reply

SQL = Queries.beside(__file__)
_read_terms = msgspec.json.Decoder(tuple[Term, ...]).decode
# All buses of a large operator may have to be told: far more than any sale gets, and nobody else waits.
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class NewRules:
    """A draft; without a currency it is for what is sold in the operator's own."""

    name: str
    terms: tuple[Term, ...]
    operator_id: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class RulesCard:
    """A version as staff sees it: whether the operator sells under it, and which routes do."""

    rules: RuleSet
    is_default: bool = False
    routes: tuple[int, ...] = ()


class RefundTerms:
    def __init__(self, db: Database) -> None:
        self._db = db
        # What is published never changes, and nobody has thousands of versions.
        self._known: dict[int, RuleSet] = {}

    async def find(self, rules_id: int) -> RuleSet:
        """Return one version, from memory if it is published; raise NotFound. Locks nothing."""
        if (known := self._known.get(rules_id)) is not None:
            return known
        row = await self._db.fetchrow(SQL["find_rules"], rules_id)
        if row is None:
            raise NotFound("rules")
        rules = _rules(row)
        if rules.published_at is not None:
            self._known[rules_id] = rules
        return rules

    async def find_pinned(self, operator_id: int, bus_id: int, booking_id: int) -> RuleSet | None:
        """Return the rules under which a booking was sold, None for those of the house. Locks nothing.

        They are pinned at sale, so whoever looks before the booking is locked sees what is there then. Raises NotFound.
        """

        async def read(connection: Connection) -> Record | None:
            return await connection.fetchrow(SQL["find_rules_of_booking"], bus_id, booking_id)

        row = await self._db.read([operator_id], read)
        if row is None:
            raise NotFound("booking")
        return None if row["rules_id"] is None else await self.find(row["rules_id"])

    async def list(
        self, caller: Caller, operator_id: int | None, *, after: int, limit: int
    ) -> list[RulesCard]:
        """Return versions in the order they came, drafts among them; raise NotFound for another's operator."""
        mine = operator_asked_for(caller, operator_id)
        rows = await self._db.fetch(SQL["list_rules"], mine, after, limit)
        return [_card(row) for row in rows]

    async def draft(self, caller: Caller, new: NewRules, ask: Ask[RulesCard]) -> Reply:
        """Add a draft, the next version of its name; and write the audit log.

        Locks the operator's row. Raises NotFound, Forbidden, InvalidRequest, AlreadyExists (a name has one draft),
        KeyReused.
        """

        async def work(connection: Connection) -> Reply:
            operator_id = await operator_to_add_to(connection, caller, new.operator_id)
            return await answer_once(
                connection, ask, operator_id, lambda: _draft(connection, caller, operator_id, new)
            )

        return await self._db.transaction(scope_of(caller), work)

    async def rewrite(self, caller: Caller, rules_id: int, terms: tuple[Term, ...]) -> RulesCard:
        """Give a draft other terms; write the audit log. Locks it. Raises NotFound, Forbidden, WrongState."""

        async def work(connection: Connection) -> RulesCard:
            rules = await _lock(connection, caller, rules_id)
            await connection.execute(SQL["set_terms"], rules_id, _write(terms))
            await _note(connection, caller, rules, "rewrite")
            return RulesCard(replace(rules, terms=terms))

        return await self._db.transaction(scope_of(caller), work)

    async def publish(self, caller: Caller, rules_id: int, ask: Ask[RulesCard]) -> Reply:
        """Make a draft one that can be sold under, and that nobody changes any more; write the audit log.

        Locks it. Raises NotFound, Forbidden, WrongState (it is published), KeyReused.
        """
        found = await self.find(rules_id)

        async def work(connection: Connection) -> Reply:
            async def make() -> RulesCard:
                rules = await _lock(connection, caller, rules_id)
                now = await connection.fetchval(SQL["clock"])
                await connection.execute(SQL["publish"], rules_id, now)
                await _note(connection, caller, rules, "publish")
                return RulesCard(replace(rules, published_at=now))

            return await answer_once(connection, ask, found.operator_id, make)

        return await self._db.transaction(scope_of(caller), work)

    async def set_default(
        self,
        caller: Caller,
        operator_id: int,
        route_id: int | None,
        *,
        rules_id: int | None,
        currency: str | None = None,
    ) -> int | None:
        """Sell under these rules from the commit on, what is sold in their currency: of one route, or of all others.

        None: under the operator's own again, or those of the house; of `currency`, or the operator's. Locks the
        operator's row, then the rows of the buses concerned that are still under way, in order: their facts are another
        edition afterwards, so each sale is under the rules that are in force when it is committed. Writes the audit
        log. Raises NotFound, Forbidden, InvalidRequest (a draft, another operator's).
        """

        async def work(connection: Connection) -> int | None:
            owner = await _owner(connection, operator_id, route_id)
            await require_manager(connection, caller, owner)
            own = await _lock_operator(connection, owner)
            money = currency or own
            if rules_id is not None:
                money = await _require_usable(connection, owner, rules_id)
            before = await connection.fetchval(SQL["find_default"], owner, route_id, money)
            if before == rules_id:
                return rules_id
            if rules_id is None:
                await connection.execute(SQL["drop_default"], owner, route_id, money)
            else:
                await connection.execute(SQL["set_default"], owner, route_id, money, rules_id)
            subject = f"operator {owner}" if route_id is None else f"route {route_id}"
            await note(
                connection, caller, owner, "refund_rules.use", subject, rules=[before, rules_id]
            )
            await connection.execute(SQL["take_time"])
            await connection.execute(SQL["touch_buses"], owner, route_id, timeout=_SECONDS)
            return rules_id

        return await self._db.transaction(scope_of(caller), work)


async def _draft(
    connection: Connection, caller: Caller, operator_id: int, new: NewRules
) -> RulesCard:
    own = await _lock_operator(connection, operator_id)
    row = await connection.fetchrow(SQL["next_version"], operator_id, new.name)
    assert row is not None
    if row["has_draft"]:
        raise AlreadyExists("name")
    now = await connection.fetchval(SQL["clock"])
    rules = RuleSet(
        None, operator_id, new.name, row["version"], new.currency or own, new.terms, None
    )
    rules_id = await connection.fetchval(
        SQL["add_rules"],
        operator_id,
        rules.name,
        rules.version,
        rules.currency,
        _write(rules.terms),
        caller.user_id,
        now,
    )
    rules = replace(rules, rules_id=rules_id)
    await _note(connection, caller, rules, "draft")
    return RulesCard(rules)


async def _lock_operator(connection: Connection, operator_id: int) -> str:
    """Lock an operator's row and return its currency; raise NotFound for one that is out of scope."""
    own: str | None = await connection.fetchval(SQL["lock_operator"], operator_id)
    if own is None:
        raise NotFound("operator")
    return own


async def _lock(connection: Connection, caller: Caller, rules_id: int) -> RuleSet:
    """Lock a draft; raise NotFound, Forbidden, WrongState for one that is published."""
    row = await connection.fetchrow(SQL["lock_rules"], rules_id)
    if row is None or not sees(caller, row["operator_id"]):
        raise NotFound("rules")
    await require_manager(connection, caller, row["operator_id"])
    if row["published_at"] is not None:
        raise WrongState("PUBLISHED", "these rules are published: draft the next version")
    return _rules(row)


async def _owner(connection: Connection, operator_id: int, route_id: int | None) -> int:
    """Return whose default it is: a route says by itself whose it is."""
    if route_id is None:
        return operator_id
    owner: int | None = await connection.fetchval(SQL["find_route"], route_id)
    if owner is None:
        raise NotFound("route")
    return owner


async def _require_usable(connection: Connection, operator_id: int, rules_id: int) -> str:
    row = await connection.fetchrow(SQL["find_rules"], rules_id)
    if row is None or row["operator_id"] != operator_id:
        raise InvalidRequest("/rules", "unknown_rules", "the operator has no such rules")
    if row["published_at"] is None:
        raise InvalidRequest("/rules", "not_published", "publish these rules first")
    return str(row["currency"])


async def _note(connection: Connection, caller: Caller, rules: RuleSet, action: str) -> None:
    await note(
        connection,
        caller,
        rules.operator_id,
        f"refund_rules.{action}",
        f"refund rules {rules.rules_id}",
        name=rules.name,
        version=rules.version,
    )


def _write(terms: Sequence[Term]) -> str:
    return msgspec.json.encode(terms).decode()


def _card(row: Record) -> RulesCard:
    # 0 stands for the operator's own.
    used = row["routes"] or ()
    return RulesCard(_rules(row), 0 in used, tuple(filter(None, used)))


def _rules(row: Record) -> RuleSet:
    return RuleSet(
        row["rules_id"],
        row["operator_id"],
        row["name"],
        row["version"],
        row["currency"],
        _read_terms(row["terms"]),
        row["published_at"],
    )
