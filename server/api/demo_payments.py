"""The demo provider's own page: what it shows, and what its payer chooses. Only where OMNIBUS_DEMO is on."""

from typing import Annotated

import msgspec

from server.api.shapes import Money
from server.contract import Access, Call, Operation
from server.payments.demo import DemoProvider, Step, Telling
from server.payments.provider import ProviderDown
from server.policies import Rate
from store.demo_bank import DemoPayment
from store.errors import NotFound, Overloaded, WrongState

_DELAY_SECONDS_MAX = 600
_COPIES_MAX = 20


class TellingShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the webhooks of this payment misbehave."""

    delay_seconds: Annotated[int, msgspec.Meta(ge=0, le=_DELAY_SECONDS_MAX)] = 0
    copies: Annotated[int, msgspec.Meta(ge=1, le=_COPIES_MAX)] = 1
    is_reordered: bool = False
    is_lost: bool = False


class DemoStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`challenge` asks for 3-D Secure, which `approve` then passes and `decline` fails."""

    step: Step
    webhooks: TellingShape = TellingShape()


class DemoPaymentShape(msgspec.Struct, frozen=True):
    """`status`: open, challenged, succeeded, declined, cancelled."""

    reference: str
    description: str
    amount: Money
    status: str
    return_url: str


async def read_demo_payment(call: Call) -> DemoPaymentShape:
    """Show a payment at the demo provider to whoever has its address."""
    return _shape(await _find(call))


async def step_demo_payment(call: Call, body: DemoStep) -> DemoPaymentShape:
    """Let the payer go a step: approve, decline, or be challenged first. Our side hears of it by webhooks only."""
    payment = await _find(call)
    told = body.webhooks
    telling = Telling(told.delay_seconds, told.copies, told.is_reordered, told.is_lost)
    try:
        is_moved = await _demo(call).take_step(payment.provider_ref, body.step, telling)
    except ProviderDown as error:
        raise Overloaded from error
    if not is_moved:
        raise WrongState(payment.status, f"the payment is {payment.status}")
    return _shape(await _find(call))


def _demo(call: Call) -> DemoProvider:
    return DemoProvider(call.services.store.demo_bank)


async def _find(call: Call) -> DemoPayment:
    if not call.services.settings.demo:
        raise NotFound("payment")
    try:
        payment = await _demo(call).find(call.path["payment"])
    except ProviderDown as error:
        raise Overloaded from error
    if payment is None:
        raise NotFound("payment")
    return payment


def _shape(payment: DemoPayment) -> DemoPaymentShape:
    return DemoPaymentShape(
        payment.reference,
        payment.description,
        Money(payment.amount, payment.currency),
        payment.status,
        payment.return_url,
    )


OPERATIONS = (
    Operation(
        "GET",
        "/demo/payments/{payment}",
        read_demo_payment,
        DemoPaymentShape,
        access=Access.READERS,
        problems=(NotFound, Overloaded),
    ),
    Operation(
        "POST",
        "/demo/payments/{payment}",
        step_demo_payment,
        DemoPaymentShape,
        access=Access.BUYERS,
        rate=Rate.PAYMENT,
        problems=(NotFound, WrongState, Overloaded),
    ),
)
