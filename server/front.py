"""The outermost layer: every request gets an id, safe headers, a measure, and never a stack trace.

What belongs to the API is found and answered here, in one piece where the protocol can send it so. Everything else
goes through the router, which takes longer to find a path than most of the API takes to answer.
"""

import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.contract import Answer, Flow, problem_answer, send_answer
from server.dispatch import Dispatch, Found
from server.headers import ALWAYS_ADDED, EXTRA, VARY, add_safe, pack
from server.hosts import Hosts
from server.http_protocol import ANSWER_EXTENSION, SendWhole
from server.metrics import note_request
from server.problems import HttpProblem
from server.proxies import Proxies
from store.fault_points import fault_point

log = structlog.get_logger("omnibus.http")

Target = Callable[[Scope, Receive, dict[str, str]], Awaitable[Answer | Flow]]
"""Answers a request, given what its path says."""

_SLOW_SECONDS = 1.0
_SILENT_SECONDS = 3.0


class Front:
    """`api` answers what it knows, `app` everything else."""

    def __init__(
        self,
        app: ASGIApp,
        api: Dispatch[Target] | None = None,
        proxies: Proxies | None = None,
        hosts: Hosts | None = None,
    ) -> None:
        self._app = app
        self._proxies = proxies or Proxies(())
        self._find_fault = (hosts or Hosts(())).find_fault
        self._find: Callable[[str], Found[Target] | None] = api.find if api else lambda _: None
        # Seeded by the system, so that no two processes say the same.
        self._draw = random.Random().getrandbits  # noqa: S311 - an id finds a line in a log, it keeps no secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            is_ours = scope["type"] != "websocket" or self._find_fault(scope) is None
            await (self._app if is_ours else _turn_away)(scope, receive, send)
            return
        self._proxies.see_through(scope)
        scope["omnibus.request_id"] = f"{self._draw(64):016x}"
        started = time.perf_counter()
        told = _Told(scope, send)
        try:
            found = self._find(scope["path"])
            if (fault := self._find_fault(scope)) is not None:
                await told.send_whole(problem_answer(fault, scope["omnibus.request_id"]))
            elif found is None:
                await self._app(scope, receive, told)
            else:
                answer = await found.target(scope, receive, found.parameters)
                if isinstance(answer, Flow):
                    told.is_endless = True
                    await answer.run(scope, receive, told)
                else:
                    fault_point("before_answer")
                    await told.send_whole(answer)
                    fault_point("after_answer")
        except Exception:
            request_id = scope["omnibus.request_id"]
            log.exception("request failed", request_id=request_id, path=scope["path"])
            if told.status == 0:
                problem = HttpProblem(
                    500,
                    "internal",
                    "Something broke on our side",
                    "the request id helps us find out",
                )
                await told.send_whole(problem_answer(problem, request_id))
        finally:
            _measure(scope, told.status, told.seconds_since(started))


class _Told:
    """What a client was told: an ASGI `send` that adds our headers, and a shorter way for whole answers."""

    __slots__ = ("_begun_at", "_scope", "_send", "is_endless", "status")

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._begun_at = 0.0
        self.is_endless = False
        self.status = 0

    def seconds_since(self, started: float) -> float:
        """Return how long the answer took; of one that goes on until the client leaves, how long it took to begin."""
        ended = self._begun_at if self.is_endless and self._begun_at else time.perf_counter()
        return ended - started

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun_at = time.perf_counter()
            self.status = message["status"]
            given = message["headers"]
            message["headers"] = [*given, *add_safe(self._scope, given)]
        await self._send(message)

    async def send_whole(self, answer: Answer) -> None:
        send: SendWhole | None = (self._scope.get("extensions") or {}).get(ANSWER_EXTENSION)
        if send is None:
            await send_answer(self, answer)
            return
        lines = _lines(self._scope, answer)
        self.status = answer.status
        await send(answer.status, lines, answer.body)


def _lines(scope: Scope, answer: Answer) -> bytes:
    """Return all header lines of a whole answer."""
    given = pack(answer.headers)
    if given.count(b"\n") != len(answer.headers) or given.count(b"\r") != len(answer.headers):
        raise ValueError("a header with a line break in it")
    if b"content-security-policy" in given or scope["scheme"] == "https":
        given += pack((*add_safe(scope, answer.headers), *VARY))
    else:
        given = b"%b%b%bx-request-id: %b\r\n" % (
            given,
            pack(scope[EXTRA]) if EXTRA in scope else b"",
            ALWAYS_ADDED,
            scope["omnibus.request_id"].encode(),
        )
    if answer.has_length:
        given = b"%bcontent-length: %d\r\n" % (given, len(answer.body))
    return given


async def _turn_away(_scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a handshake."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})


class _Complaints:
    """Lets one line a route and status through every few seconds: an overload must not become one of the log, too."""

    def __init__(self) -> None:
        self._said_at: dict[tuple[str, int], float] = {}
        self._unsaid: Counter[tuple[str, int]] = Counter()

    def count(self, route: str, status: int) -> int | None:
        """Return how many there were since the last line, this one included; None if it is too early for a line."""
        what, now = (route, status), time.monotonic()
        self._unsaid[what] += 1
        if now - self._said_at.get(what, -_SILENT_SECONDS) < _SILENT_SECONDS:
            return None
        self._said_at[what] = now
        return self._unsaid.pop(what)


_COMPLAINTS = _Complaints()


def _measure(scope: Scope, status: int, seconds: float) -> None:
    route = scope.get("omnibus.route", "other")
    note_request(scope["method"], route, status, seconds)
    if status < 500 and seconds <= _SLOW_SECONDS:
        return
    if (count := _COMPLAINTS.count(route, status)) is not None:
        log.warning(
            "slow or failed",
            request_id=scope["omnibus.request_id"],
            method=scope["method"],
            route=route,
            status=status,
            seconds=round(seconds, 3),
            count=count,
        )
