"""The providers that the settings name, each behind a breaker of its own.

An SDK is imported when its method is set up, and never otherwise: Stripe's is larger than all the rest of us.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from server.config import Settings
from server.payments.breaker import Guarded
from server.payments.provider import Provider


class Outside(Provider, Protocol):
    """A provider with keys and connections. `is_live`: people's money moves, it is no test."""

    @property
    def is_live(self) -> bool: ...

    async def check(self) -> None:
        """Ask for something harmless, to learn whether the keys are taken. Raises ProviderDown, ProviderRefused."""

    def close(self) -> None:
        """Let go of the connections."""


def providers(settings: Settings, others: Iterable[Provider] = ()) -> Mapping[str, Guarded]:
    """Return what is set up, and the others, by payment method."""
    return {each.method: Guarded(each) for each in (*outside(settings), *others)}


async def close_providers(guarded: Mapping[str, Guarded]) -> None:
    await asyncio.gather(*(each.close() for each in guarded.values()))


def outside(settings: Settings) -> Iterator[Outside]:
    """Yield the providers that have keys here, bare: for whoever wants to know what they themselves say."""
    for method, make in _MAKERS.items():
        if method in settings.payment_methods:
            yield make(settings)


def _make_stripe(settings: Settings) -> Outside:
    from server.payments.stripe import API_BASE, StripeKeys, StripeProvider  # noqa: PLC0415 - only for who has keys

    assert settings.stripe_secret_key is not None
    assert settings.stripe_publishable_key is not None
    return StripeProvider(
        StripeKeys(
            settings.stripe_secret_key,
            settings.stripe_publishable_key,
            settings.stripe_webhook_secrets,
            settings.stripe_api_base or API_BASE,
        )
    )


def _make_razorpay(settings: Settings) -> Outside:
    from server.payments.razorpay import API_BASE, RazorpayKeys, RazorpayProvider  # noqa: PLC0415 - only for who has keys

    assert settings.razorpay_key_id is not None
    assert settings.razorpay_key_secret is not None
    return RazorpayProvider(
        RazorpayKeys(
            settings.razorpay_key_id,
            settings.razorpay_key_secret,
            settings.razorpay_webhook_secrets,
            settings.razorpay_api_base or API_BASE,
        )
    )


_MAKERS: Mapping[str, Callable[[Settings], Outside]] = {
    "stripe": _make_stripe,
    "razorpay": _make_razorpay,
}
