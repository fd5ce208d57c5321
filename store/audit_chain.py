"""Whether the audit log is what it was: every chain followed link by link, each sum done here once more.

A chain is the log of one operator, or of the platform. Each entry has a seal: its position, the hash of the seal before
it, and the hash of both. Whoever changes, removes, moves or slips in an entry past the database's own trigger breaks
the chain there. Whoever writes a whole chain anew does not; for that keep the heads that `verify` prints elsewhere.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from store.db import Connection, Database, Record
from store.queries import Queries

SQL = Queries.beside(__file__)
LINKS_AT_A_TIME = 500
FIRST_HASH = bytes(32)
_SEARCH_SECONDS = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain and its head; `operator` has no name where the chain is the platform's."""

    operator_id: int
    operator: str | None
    position: int
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class Place:
    """How far a chain has been followed: the last position that was good, and its hash."""

    position: int = 0
    hash: bytes = FIRST_HASH


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of following a chain; `broken_at` is the first position that is not what it must be."""

    chain: Chain
    good: Place
    broken_at: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What the worker found last of one chain."""

    operator_id: int
    good: Place
    broken_at: int | None
    checked_at: datetime


class AuditChains:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def chains(self, operator_id: int | None = None) -> Sequence[Chain]:
        """Return all chains, or that of one operator (0 is the platform)."""

        async def read(connection: Connection) -> Sequence[Record]:
            return await connection.fetch(SQL["list_chains"], operator_id)

        return [
            Chain(row["operator_id"], row["name"], row["position"], row["hash"])
            for row in await self._db.read(None, read)
        ]

    async def verify(
        self,
        chain: Chain,
        since: Place = Place(),
        report: Callable[[int], None] = lambda _: None,
    ) -> Finding:
        """Follow a chain up to the head it had when it was listed; `report` hears how far, now and then.

        In pages of 500, each in a transaction of its own: a chain only grows, so nothing needs to stand still. Locks
        nothing. Raises Overloaded.
        """
        good = since
        while True:
            finding, links = await self._follow(chain, good)
            if finding.broken_at is not None:
                return finding
            good = finding.good
            if links < LINKS_AT_A_TIME:
                break
            report(good.position)
        return await self._compare_end(chain, since, good)

    async def look(self) -> Sequence[Finding]:
        """Follow every chain from where the last look ended, keep the result and return what is broken.

        The seal that the last look ended with must still be the one it was. What was found broken is followed from its
        beginning until it is whole. Locks the rows of the result. Raises Overloaded.
        """
        before = {check.operator_id: check for check in await self.last()}
        broken: list[Finding] = []
        for chain in await self._chains_known(before):
            check = before.get(chain.operator_id)
            since = check.good if check is not None and check.broken_at is None else Place()
            finding = await self.verify(chain, since)
            await self._keep(finding)
            if finding.broken_at is not None:
                broken.append(finding)
        return broken

    async def last(self) -> Sequence[AuditCheck]:
        """Return what the last look found, by whichever process. Raises Overloaded."""

        async def read(connection: Connection) -> Sequence[Record]:
            return await connection.fetch(SQL["last_checks"])

        return [
            AuditCheck(
                row["operator_id"],
                Place(row["position"], row["hash"]),
                row["broken_at"],
                row["checked_at"],
            )
            for row in await self._db.read(None, read)
        ]

    async def _chains_known(self, before: dict[int, AuditCheck]) -> Sequence[Chain]:
        """Return the chains there are, and those that there were."""
        found = await self.chains()
        gone = before.keys() - {chain.operator_id for chain in found}
        return [*found, *(Chain(operator_id, None, 0, None) for operator_id in sorted(gone))]

    async def _follow(self, chain: Chain, good: Place) -> tuple[Finding, int]:
        # From the last good link itself: it must be there, and be what it was.
        start = max(good.position, 1)

        async def read(connection: Connection) -> Sequence[Record]:
            return await connection.fetch(
                SQL["next_links"], chain.operator_id, start, LINKS_AT_A_TIME
            )

        links = await self._db.read(None, read)
        if good.position and (not links or links[0]["position"] != good.position):
            return Finding(chain, good, good.position, "the seal is gone"), len(links)
        for link in links:
            if link["position"] == good.position:
                if (reason := _changed(link)) or link["hash"] != good.hash:
                    reason = reason or "the seal is another one than at the last look"
                    return Finding(chain, good, good.position, reason), len(links)
                continue
            expected = good.position + 1
            if (reason := _fault(link, chain.operator_id, expected, good.hash)) is not None:
                return Finding(chain, good, expected, reason), len(links)
            good = Place(expected, link["hash"])
        return Finding(chain, good), len(links)

    async def _compare_end(self, chain: Chain, since: Place, good: Place) -> Finding:
        """See that the chain ends where its head says, and that there is no entry beside it."""
        if good.position < max(chain.position, since.position) or chain.hash is None:
            return Finding(chain, good, good.position + 1, "the chain ends too soon")
        if good.position == chain.position and good.hash != chain.hash:
            return Finding(chain, good, good.position, "the chain's head is another")

        async def read(connection: Connection) -> int | None:
            # allow sql-text: a constant
            await connection.execute(f"SET LOCAL statement_timeout = '{_SEARCH_SECONDS}s'")
            stray: int | None = await connection.fetchval(
                SQL["find_unsealed"],
                chain.operator_id,
                since.position,
                timeout=_SEARCH_SECONDS + 10,
            )
            return stray

        stray = await self._db.read(None, read)
        if stray is not None:
            reason = f"entry {stray} has no seal"
            return Finding(chain, good, good.position + 1, reason)
        return Finding(chain, good)

    async def _keep(self, finding: Finding) -> None:
        async def write(connection: Connection) -> None:
            await connection.execute(
                SQL["keep_check"],
                finding.chain.operator_id,
                finding.good.position,
                finding.good.hash,
                finding.broken_at,
            )

        await self._db.transaction([finding.chain.operator_id], write)


def digest_of(previous: bytes, position: int, entry: Record) -> bytes:
    """Return the hash of an entry at a position, as `audit_digest` in the database makes it."""
    actor, operator = entry["actor_id"], entry["operator_id"]
    fields = (
        str(position),
        str(entry["audit_id"]),
        None if operator is None else str(operator),
        str((entry["at"] - _EPOCH) // _MICROSECOND),
        None if actor is None else str(actor),
        entry["action"],
        entry["subject"],
        entry["detail"],
    )
    text = ",".join("-" if field is None else f"{len(field.encode())}:{field}" for field in fields)
    return hashlib.sha256(previous + text.encode()).digest()


def _fault(link: Record, operator_id: int, position: int, previous: bytes) -> str | None:
    if link["position"] != position:
        return "the seal is gone"
    if link["is_there"] and (link["operator_id"] or 0) != operator_id:
        return "the entry is of another chain"
    if link["previous"] != previous:
        return "it does not continue the link before it"
    return _changed(link)


def _changed(link: Record) -> str | None:
    if not link["is_there"]:
        return "the entry is gone"
    if digest_of(link["previous"], link["position"], link) != link["hash"]:
        return "the entry is not the one that was sealed"
    return None
