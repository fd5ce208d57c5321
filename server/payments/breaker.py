"""A circuit breaker for each provider: whoever is down is not asked, and whoever wants to pay is told at once.

`Breaker` is pure and is told the time. `Guarded` puts one, a bound on calls in flight and a deadline before a provider.
"""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any, TypeVar

from server.payments.measures import CIRCUIT, note_call
from server.payments.provider import (
    CALL_SECONDS,
    Begun,
    Forged,
    PaymentDue,
    Provider,
    ProviderDown,
    ProviderError,
    ProviderRefused,
    ProviderState,
    RefundState,
    SignsCheckout,
    WebhookEvent,
)

T = TypeVar("T")

CALLS_AT_ONCE = 16
"""To one provider from one process: about what a provider lets an account ask at a time."""
_BUSY_SECONDS = 1.0


class NotAsked(ProviderDown):
    """The provider was not asked at all: nothing was done. It may be asked again after `retry_after` seconds."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Circuit(Enum):
    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When to stop asking: of the calls of the last `window_seconds`, `calls_min` at least, `bad_share` were bad.

    Bad is a call that failed or took `slow_seconds`. Then nobody asks for `rest_seconds`, twice as long each time that
    was too short, up to `rest_seconds_max`; after that `trials` calls, one after another or at once, must all be good.
    """

    window_seconds: float = 30.0
    calls_min: int = 5
    calls_max: int = 1000
    bad_share: float = 0.5
    slow_seconds: float = 4.0
    rest_seconds: float = 5.0
    rest_seconds_max: float = 60.0
    trials: int = 2


@dataclass(frozen=True, slots=True)
class Permit:
    """One call that may be made. `era` is between which changes of the circuit: what is told too late is not heard."""

    era: int


@dataclass(slots=True)
class Breaker:
    """The state of one circuit. Every method is told the time, in seconds that never go back."""

    rules: BreakerRules = field(default_factory=BreakerRules)
    circuit: Circuit = Circuit.CLOSED
    _era: int = 0
    _calls: deque[tuple[float, bool]] = field(default_factory=deque)
    _bad: int = 0
    _rest: float = 0.0
    _open_until: float = 0.0
    _trying: int = 0
    _passed: int = 0

    def admit(self, now: float) -> Permit:
        """Let a call be made. Raises NotAsked while the circuit is open, or tried by enough others."""
        if self.circuit is Circuit.OPEN:
            if now < self._open_until:
                raise NotAsked("it does not answer lately", self._open_until - now)
            self._become(Circuit.HALF_OPEN)
        if self.circuit is Circuit.HALF_OPEN:
            if self._trying + self._passed >= self.rules.trials:
                raise NotAsked("it is just being tried again", _BUSY_SECONDS)
            self._trying += 1
        return Permit(self._era)

    def note(self, permit: Permit, now: float, *, seconds: float, is_answer: bool) -> None:
        """Hear how a call went, once for every permit. A refusal is an answer."""
        if permit.era != self._era:
            return
        is_bad = not is_answer or seconds >= self.rules.slow_seconds
        if self.circuit is Circuit.HALF_OPEN:
            self._trying -= 1
            self._passed += not is_bad
            if is_bad:
                self._open(now)
            elif self._passed == self.rules.trials:
                self._rest = 0.0
                self._become(Circuit.CLOSED)
            return
        self._remember(now, is_bad=is_bad)
        if len(self._calls) >= self.rules.calls_min and self._is_too_bad():
            self._open(now)

    def forget(self, permit: Permit) -> None:
        """Take a permit back: nobody knows how the call went."""
        if permit.era == self._era and self.circuit is Circuit.HALF_OPEN:
            self._trying -= 1

    def _remember(self, now: float, *, is_bad: bool) -> None:
        self._calls.append((now, is_bad))
        self._bad += is_bad
        since = now - self.rules.window_seconds
        while len(self._calls) > self.rules.calls_max or self._calls[0][0] <= since:
            self._bad -= self._calls.popleft()[1]

    def _is_too_bad(self) -> bool:
        return self._bad >= self.rules.bad_share * len(self._calls)

    def _open(self, now: float) -> None:
        self._rest = min(max(2 * self._rest, self.rules.rest_seconds), self.rules.rest_seconds_max)
        self._open_until = now + self._rest
        self._become(Circuit.OPEN)

    def _become(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self._era += 1
        self._calls.clear()
        self._bad = self._trying = self._passed = 0


class Guarded:
    """A provider that answers, or fails, in time: a Provider itself.

    A call that takes too long is left to end by itself and keeps its place among those in flight until then: what a
    provider swallows must not pile up behind it.
    """

    def __init__(
        self,
        provider: Provider,
        breaker: Breaker | None = None,
        *,
        calls_at_once: int = CALLS_AT_ONCE,
        call_seconds: float = CALL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self.method = provider.method
        self._breaker = breaker or Breaker()
        self._calls_at_once = calls_at_once
        self._call_seconds = call_seconds
        self._clock = clock
        self._in_flight: set[asyncio.Task[Any]] = set()
        self._show()

    async def begin(self, payment: PaymentDue) -> Begun:
        return await self._call("begin", partial(self.provider.begin, payment))

    async def look(self, provider_ref: str) -> ProviderState:
        return await self._call("look", partial(self.provider.look, provider_ref))

    async def cancel(self, provider_ref: str) -> ProviderState:
        return await self._call("cancel", partial(self.provider.cancel, provider_ref))

    async def refund(self, provider_ref: str, refund_id: uuid.UUID, amount: int) -> RefundState:
        refund = partial(self.provider.refund, provider_ref, refund_id, amount)
        return await self._call("refund", refund)

    def read_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> WebhookEvent:
        return self.provider.read_webhook(headers, body, now)

    def read_checkout(self, order_id: str, payment_id: str, signature: str) -> WebhookEvent:
        if not isinstance(self.provider, SignsCheckout):
            raise Forged("its checkout signs nothing")
        return self.provider.read_checkout(order_id, payment_id, signature)

    async def close(self) -> None:
        """Give up what is in flight, and let go of the provider's connections."""
        for task in self._in_flight:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        close = getattr(self.provider, "close", None)
        if close is not None:
            close()

    async def _call(self, name: str, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        if len(self._in_flight) >= self._calls_at_once:
            note_call(self.method, name, "not_asked")
            raise NotAsked("too many are asking it", _BUSY_SECONDS)
        try:
            permit = self._breaker.admit(self._clock())
        except NotAsked:
            note_call(self.method, name, "not_asked")
            raise
        finally:
            self._show()
        call = _Call(name, permit, self._clock())
        task = asyncio.create_task(self._watch(call, ask))
        self._in_flight.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait({task}, timeout=self._call_seconds)
        if not task.done():
            self._tell(call, "late")
            raise ProviderDown("no answer in time")
        return task.result()

    async def _watch(self, call: "_Call", ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            answer = await ask()
        except ProviderRefused:
            self._tell(call, "refused")
            raise
        except ProviderError:
            self._tell(call, "down")
            raise
        except BaseException:
            if not call.is_told:
                self._breaker.forget(call.permit)
            raise
        self._tell(call, "answered")
        return answer

    def _tell(self, call: "_Call", outcome: str) -> None:
        if call.is_told:
            return
        call.is_told = True
        now = self._clock()
        seconds = now - call.begun_at
        is_answer = outcome in {"answered", "refused"}
        self._breaker.note(call.permit, now, seconds=seconds, is_answer=is_answer)
        note_call(self.method, call.name, outcome, seconds)
        self._show()

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._in_flight.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may have left

    def _show(self) -> None:
        CIRCUIT.labels(self.method).set(self._breaker.circuit.value)


@dataclass(slots=True)
class _Call:
    name: str
    permit: Permit
    begun_at: float
    is_told: bool = False
