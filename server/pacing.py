"""Counts requests against the policies of their callers, and says what became of them.

Counted before anything is looked up, so a request that repeats another counts like any: to know that it does costs as
much as to answer it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from realtime.pace import Allowance, Pace, Standing, UseCounter
from server.guests import subscriber_of
from server.headers import Headers
from server.metrics import LIMITED
from server.policies import Policy, Rate, Whose, changed
from server.problems import HttpProblem
from store.model import Caller, Role

_KEYS_KEPT = 16_384
_BY_ADDRESS = (Whose.ADDRESS, Whose.GUESTS)
_STAFF_ROLES = frozenset({Role.AGENT, Role.OPERATOR, Role.SUPPORT, Role.ADMIN})


class _Kind(Enum):
    GUEST = auto()
    USER = auto()
    STAFF = auto()


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as far as limits tell callers apart: `key` is None for a guest who shows nothing of ours."""

    kind: _Kind
    key: str | None
    address: str


def asker_of(caller: Caller, address: str, *, is_known: bool) -> Asker:
    """Return who asks; `is_known` when a guest came with a cookie of ours."""
    if not caller.is_guest:
        kind = _Kind.STAFF if caller.role in _STAFF_ROLES else _Kind.USER
        return Asker(kind, caller.scope, address)
    key = caller.guest.buyer.hex if caller.guest is not None and is_known else None
    return Asker(_Kind.GUEST, key, address)


class Pacing:
    """Keeps every policy of the table in this process. `seal` makes a key of what must not be read in Redis."""

    def __init__(
        self,
        counter: UseCounter | None,
        seal: Callable[[bytes], bytes],
        *,
        processes: int,
        changes: Mapping[str, tuple[int, int]] | None = None,
    ) -> None:
        self._seal = seal
        self._key_of = lru_cache(maxsize=_KEYS_KEPT)(lambda text: seal(text.encode()))
        self._key_of_address = lru_cache(maxsize=_KEYS_KEPT)(
            lambda address: seal(subscriber_of(address).encode())
        )
        self._counter = counter
        self._rows: dict[tuple[Rate, _Kind], tuple[tuple[Allowance, Whose], ...]] = {}
        self._named: dict[Rate, Allowance] = {}
        kept = [(policy, _keep(policy, counter, processes)) for policy in changed(changes or {})]
        for rate in Rate:
            own = [(policy, allowance) for policy, allowance in kept if policy.rate is rate]
            for kind in _Kind:
                self._rows[rate, kind] = tuple(
                    (allowance, policy.whose)
                    for policy, allowance in own
                    if _concerns(policy, kind, [each for each, _ in own])
                )
            for policy, allowance in own:
                if policy.whose is Whose.NAMED:
                    self._named[rate] = allowance

    @property
    def is_shared(self) -> bool:
        """Whether all processes count together; else each keeps its share."""
        return self._counter is not None and self._counter.is_well

    async def admit(self, rate: Rate, asker: Asker) -> Headers:
        """Count a request and return what its caller is told; raise the problem that refuses it.

        Does not wait for Redis, unless this process knows too little of the caller.
        """
        tightest: Standing | None = None
        for allowance, whose in self._rows[rate, asker.kind]:
            if whose in _BY_ADDRESS:
                key = self._key_of_address(asker.address)
            elif asker.key is None:
                continue
            else:
                key = self._key_of(asker.key)
            standing = allowance.take(key)
            if standing is None:
                standing = await allowance.ask(key)
            if not standing.is_admitted:
                raise self._refuse(standing)
            if tightest is None or standing.remaining < tightest.remaining:
                tightest = standing
        return () if tightest is None else _headers(tightest)

    async def count(self, rate: Rate, name: str, address: str = "") -> None:
        """Count a request against whom it names, at an address if one is given; raise the problem that refuses it."""
        allowance, key = self._named[rate], self._name_key(name, address)
        standing = allowance.take(key)
        if standing is None:
            standing = await allowance.ask(key)
        if not standing.is_admitted:
            raise self._refuse(standing)

    def forgive(self, rate: Rate, name: str, address: str = "") -> None:
        """Take back what was counted: it was not one of those that are bounded."""
        self._named[rate].give_back(self._name_key(name, address))

    def _name_key(self, name: str, address: str) -> bytes:
        return self._seal(f"{name.lower()}\0{subscriber_of(address)}".encode())

    @staticmethod
    def _refuse(standing: Standing) -> HttpProblem:
        LIMITED.labels(standing.pace.name).inc()
        return HttpProblem(
            429,
            "rate_limited",
            "Too many requests",
            "come back when Retry-After is over",
            retry_after=max(1, math.ceil(standing.retry_seconds)),
            headers=tuple(_headers(standing)),
        )


def _keep(policy: Policy, counter: UseCounter | None, processes: int) -> Allowance:
    pace = Pace(policy.name, policy.burst, policy.window_seconds)
    return Allowance(pace, counter, processes=processes)


def _concerns(policy: Policy, kind: _Kind, beside: list[Policy]) -> bool:
    """Whether what a policy bounds is counted at the door, for callers of a kind."""
    if policy.whose is Whose.NAMED:
        return False
    if kind is _Kind.STAFF and any(each.whose is Whose.STAFF for each in beside):
        return policy.whose is Whose.STAFF
    if policy.whose is Whose.GUESTS:
        return kind is _Kind.GUEST
    return policy.whose is not Whose.STAFF


def _headers(standing: Standing) -> Headers:
    pace = standing.pace
    return _say(
        pace.name,
        pace.burst,
        math.ceil(pace.window_seconds),
        standing.remaining,
        math.ceil(standing.reset_seconds),
    )


@lru_cache(maxsize=8192)
def _say(name: str, burst: int, window: int, remaining: int, reset: int) -> Headers:
    """Return the headers of draft-ietf-httpapi-ratelimit-headers-10."""
    return (
        (b"ratelimit-policy", f'"{name}";q={burst};w={window}'.encode()),
        (b"ratelimit", f'"{name}";r={remaining};t={reset}'.encode()),
    )
