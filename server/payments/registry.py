"""Which providers this installation works with, and the cashier who deals with them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from server.config import Settings
from server.payments.cashier import Cashier
from server.payments.demo import DemoProvider
from server.payments.outside import close_providers, providers
from store import Store

DEMO_WEBHOOKS = "demo_webhooks"
"""The key with which the demo provider signs, where no setting says one."""


@asynccontextmanager
async def open_cashier(
    settings: Settings, store: Store, demo_secrets: Sequence[str] = ()
) -> AsyncIterator[Cashier]:
    """Open what is set up; whoever reads no webhooks (a worker) needs no secrets of the demo's."""
    demo = DemoProvider(store.demo_bank, demo_secrets)
    guarded = providers(settings, [demo])
    cashier = Cashier(store, guarded.values(), settings.address)
    try:
        yield cashier
    finally:
        await cashier.close()
        await close_providers(guarded)
