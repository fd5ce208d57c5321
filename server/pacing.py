"""Counts requests against the policies of their callers, and says what became of them.

Counted before anything is looked up, so a request that repeats another counts like any: to know that it does costs as
much as to answer it.
"""

import math
from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import lru_cache

from realtime.pace import Allowance, Pace, Standing, UseCounter
from server.guests import subscriber_of
from server.headers import Headers
from server.metrics import LIMITED
from server.policies import Policy, Rate, Whose, changed
from server.problems import HttpProblem
from store.model import Caller, DeviceKind, Role

_KEYS_KEPT = 16_384
_BY_ADDRESS = (Whose.ADDRESS, Whose.GUESTS)
# A kiosk sells to whoever comes by, one after the other.
_STAFF_ROLES = frozenset({Role.AGENT, Role.OPERATOR, Role.SUPPORT, Role.ADMIN, DeviceKind.KIOSK})


class _Kind(Enum):
    GUEST = auto()
    USER = auto()
    STAFF = auto()


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
        self.key_of = lru_cache(maxsize=_KEYS_KEPT)(lambda text: seal(text.encode()))
        self.key_of_address = lru_cache(maxsize=_KEYS_KEPT)(
            lambda address: seal(subscriber_of(address).encode())
        )
        self._counter = counter
        self._named: dict[Rate, Allowance] = {}
        self._doors: dict[Rate, Door] = {}
        kept = [(policy, _keep(policy, counter, processes)) for policy in changed(changes or {})]
        for rate in Rate:
            own = [(policy, allowance) for policy, allowance in kept if policy.rate is rate]
            self._doors[rate] = Door(self, own)
            for policy, allowance in own:
                if policy.whose is Whose.NAMED:
                    self._named[rate] = allowance

    @property
    def is_shared(self) -> bool:
        """Whether all processes count together; else each keeps its share."""
        return self._counter is not None and self._counter.is_well

    def door(self, rate: Rate) -> "Door":
        """Return where requests of a class are counted."""
        return self._doors[rate]

    async def count(self, rate: Rate, name: str, address: str = "") -> None:
        """Count a request against whom it names, at an address if one is given; raise the problem that refuses it."""
        allowance, key = self._named[rate], self._name_key(name, address)
        standing = allowance.take(key)
        if standing is None:
            standing = await allowance.ask(key)
        if not standing.is_admitted:
            raise _refuse(standing)

    def forgive(self, rate: Rate, name: str, address: str = "") -> None:
        """Take back what was counted: it was not one of those that are bounded."""
        self._named[rate].give_back(self._name_key(name, address))

    def _name_key(self, name: str, address: str) -> bytes:
        return self._seal(f"{name.lower()}\0{subscriber_of(address)}".encode())


class Door:
    """One class of requests: what is counted of them as they come in, by kind of caller."""

    def __init__(self, pacing: Pacing, policies: list[tuple[Policy, Allowance]]) -> None:
        self._key_of, self._key_of_address = pacing.key_of, pacing.key_of_address
        bounds = [policy for policy, _ in policies]
        self._guests, self._users, self._staff = (
            tuple(
                (allowance, policy.whose in _BY_ADDRESS)
                for policy, allowance in policies
                if _concerns(policy, kind, bounds)
            )
            for kind in _Kind
        )

    async def admit(self, caller: Caller, address: str, *, is_known: bool) -> Headers:
        """Count a request and return what its caller is told; raise the problem that refuses it.

        `is_known` when a guest came with a cookie of ours. Does not wait for Redis, unless this process knows too
        little of the caller.
        """
        if not caller.is_guest:
            rows = self._staff if caller.role in _STAFF_ROLES else self._users
            name: str | None = caller.scope
        else:
            rows = self._guests
            name = caller.guest.buyer.hex if caller.guest is not None and is_known else None
        tightest: Standing | None = None
        for allowance, is_by_address in rows:
            if is_by_address:
                key = self._key_of_address(address)
            elif name is None:
                continue
            else:
                key = self._key_of(name)
            standing = allowance.take(key)
            if standing is None:
                standing = await allowance.ask(key)
            if not standing.is_admitted:
                raise _refuse(standing)
            if tightest is None or standing.remaining < tightest.remaining:
                tightest = standing
        return () if tightest is None else _headers(tightest)


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
