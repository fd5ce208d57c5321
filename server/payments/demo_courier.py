"""Carries the demo provider's webhooks to our own door, as a provider would: signed, over HTTP, again until taken."""

import asyncio
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

import msgspec

from server.payments.demo import METHOD, DemoEvent
from server.payments.demo_signing import HEADER, sign
from store.demo_bank import DemoBank, DemoWebhook

log = logging.getLogger("omnibus.demo")
_AT_A_TIME = 20
_CALL_SECONDS = 8
_TRIES_MAX = 20
_MADE_UP = frozenset(range(400, 500))


class DemoCourier:
    """`door` is the address of this process, on this machine: nothing leaves it."""

    def __init__(self, bank: DemoBank, webhook_secrets: Sequence[str], door: str) -> None:
        self._bank = bank
        self._secret = webhook_secrets[0]
        self._url = f"{door}/api/v1/payments/webhooks/{METHOD}"

    async def deliver(self) -> int:
        """Send what is due, one after the other; return how many were taken.

        What is not taken comes again in 15 seconds, twenty times in all.
        """
        taken = 0
        for webhook in await self._bank.take_webhooks(_AT_A_TIME):
            if await asyncio.to_thread(self._send, webhook) or webhook.attempts >= _TRIES_MAX:
                await self._bank.drop_webhook(webhook)
                taken += 1
        return taken

    def _send(self, webhook: DemoWebhook) -> bool:
        body = msgspec.json.encode(DemoEvent(webhook.event_id, webhook.kind, webhook.provider_ref))
        request = urllib.request.Request(  # noqa: S310 - our own address
            self._url,
            data=body,
            headers={
                "Content-Type": "application/json",
                HEADER: sign(self._secret, body, int(time.time())),
            },
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_CALL_SECONDS):
                return True
        except urllib.error.HTTPError as error:
            log.warning("webhook %s refused: %d", webhook.event_id, error.code)
            return error.code in _MADE_UP and error.code != 429
        except OSError as error:
            log.warning("webhook %s not delivered: %s", webhook.event_id, error)
            return False
