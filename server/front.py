"""The outermost layer: every request gets an id, safe headers, a measure, and never a stack trace."""

import secrets
import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.contract import problem_answer, send_answer
from server.metrics import REQUESTS
from server.problems import HttpProblem
from server.proxies import Proxies

log = structlog.get_logger("omnibus.http")

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
)
_NOTHING_LOADS = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
_SLOW_SECONDS = 1.0


class Front:
    def __init__(self, app: ASGIApp, proxies: Proxies) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._proxies.see_through(scope)
        request_id = secrets.token_hex(8)
        scope["omnibus.request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, scope, request_id)
            await send(message)

        try:
            await self._app(scope, receive, tell)
        except Exception:
            log.exception("request failed", request_id=request_id, path=scope["path"])
            if status == 0:
                problem = HttpProblem(
                    500,
                    "internal",
                    "Something broke on our side",
                    "the request id helps us find out",
                )
                await send_answer(tell, problem_answer(problem, request_id))
        finally:
            _measure(scope, status, time.perf_counter() - started)


def _add_headers(message: Message, scope: Scope, request_id: str) -> None:
    headers: list[Any] = [*message["headers"], *_HEADERS, (b"x-request-id", request_id.encode())]
    if not any(name == b"content-security-policy" for name, _ in headers):
        headers.append(_NOTHING_LOADS)
    if scope.get("scheme") == "https":
        headers.append(_HSTS)
    message["headers"] = headers


def _measure(scope: Scope, status: int, seconds: float) -> None:
    route = scope.get("omnibus.route", "other")
    REQUESTS.labels(scope["method"], route, str(status)).observe(seconds)
    if status >= 500 or seconds > _SLOW_SECONDS:
        log.warning(
            "slow or failed",
            request_id=scope["omnibus.request_id"],
            method=scope["method"],
            route=route,
            status=status,
            seconds=round(seconds, 3),
        )
