"""How a provider is asked: in a few threads of its own, over kept connections, every operation in bounded time.

The official SDKs make the requests and read the answers; this is all that they reach the network by. Both are
synchronous: Razorpay's has no other form, Stripe's asynchronous one wants an HTTP library for itself alone. So they
run in threads, as many as calls may be in flight: a thread that waits for an answer costs next to nothing.

What no SDK says reliably is decided here, by the status: an answer that may be another one next time (5xx, 429, 409
while the same is being done) is ProviderDown. Redirections are not followed: a provider has one address, and our key
goes nowhere else.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import certifi
import urllib3

from server.payments.breaker import CALLS_AT_ONCE
from server.payments.provider import CALL_SECONDS, CONNECT_SECONDS, ProviderDown

T = TypeVar("T")

_LARGEST_ANSWER = 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_ASK_AGAIN = frozenset({408, 409, 425, 429})
_LONGEST_REASON = 200
_KEYS = re.compile(r"\b(?:(?:sk|rk|pk)_(?:live|test)|whsec|rzp_(?:live|test))_\w+|\w+_secret_\w+")


@dataclass(frozen=True, slots=True)
class Reply:
    """`headers` find a name in either case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """The way to one provider. `call_seconds` bounds an operation, however many requests it is made of."""

    def __init__(self, *, call_seconds: float = CALL_SECONDS) -> None:
        self._call_seconds = call_seconds
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="provider")
        self._pool = urllib3.PoolManager(
            maxsize=CALLS_AT_ONCE, cert_reqs="CERT_REQUIRED", ca_certs=certifi.where()
        )
        self._operation = threading.local()

    async def run(self, operation: Callable[[], T]) -> T:
        """Run an operation of an SDK in a thread. It goes on to its end when whoever waits for it has left."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._run_bounded, operation
        )

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: str | bytes | None = None
    ) -> Reply:
        """Make one request of the operation that runs in this thread. Raises ProviderDown."""
        left = self._operation.give_up_at - time.monotonic()
        if left <= 0:
            raise ProviderDown("no time was left to ask")
        try:
            answer = self._pool.request(
                method.upper(),
                url,
                body=body.encode() if isinstance(body, str) else body,
                headers=dict(headers),
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=left),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                content = self._read(answer)
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as error:
            # Their texts name hosts and ports, their causes hold requests: the kind is all that is told.
            raise ProviderDown(f"no answer ({type(error).__name__})") from None
        status: int = answer.status
        if 300 <= status < 400 or status >= 500 or status in _ASK_AGAIN:
            raise ProviderDown(f"answered {status}")
        return Reply(status, answer.headers, content)

    def close(self) -> None:
        """Let go of threads and connections. Operations that run are left to their bounded end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.clear()

    def _run_bounded(self, operation: Callable[[], T]) -> T:
        self._operation.give_up_at = time.monotonic() + self._call_seconds
        return operation()

    def _read(self, answer: urllib3.BaseHTTPResponse) -> bytes:
        """Read a body by what arrives: a limit for each piece alone would let a trickle go on for ever."""
        content = bytearray()
        while chunk := answer.read1(_CHUNK_BYTES):
            content += chunk
            if len(content) > _LARGEST_ANSWER:
                raise ProviderDown("the answer has no end")
            if time.monotonic() > self._operation.give_up_at:
                raise ProviderDown("the answer takes too long")
        return bytes(content)


def printable(words: object) -> str:
    """Return what a provider says, fit for logs and staff: short, on one line, and without anything like a key."""
    line = "".join(letter for letter in " ".join(str(words).split()) if letter.isprintable())
    return _KEYS.sub("[key]", line)[:_LONGEST_REASON]
