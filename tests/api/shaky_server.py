"""The server with a provider that is down when it is first asked for a payment, and answers the second time.

Started like the real one, as `python -m tests.api.shaky_server serve`. It goes by the name of one that is offered.
"""

import uuid

from server.cli import main
from server.payments import registry
from server.payments.cashier import Cashier
from server.payments.demo import DemoProvider
from server.payments.provider import Begun, PaymentDue, ProviderDown, ProviderRefused
from store import Store

DEAREST = 5000


class ShakyProvider(DemoProvider):
    method = "stripe"

    def __init__(self, store: Store) -> None:
        super().__init__(store.demo_bank, ["nobody signs for this one"])
        self._asked: set[uuid.UUID] = set()

    async def begin(self, payment: PaymentDue) -> Begun:
        if payment.amount > DEAREST:
            raise ProviderRefused("too dear")
        if payment.payment_id not in self._asked:
            self._asked.add(payment.payment_id)
            raise ProviderDown("unreachable")
        begun = await super().begin(payment)
        return Begun(begun.provider_ref, {"type": "client_secret", "client_secret": "cs_1"})


class ShakyCashier(Cashier):
    def __init__(self, store: Store, providers: list[DemoProvider], address: str) -> None:
        super().__init__(store, [*providers, ShakyProvider(store)], address)


if __name__ == "__main__":
    registry.Cashier = ShakyCashier  # type: ignore[attr-defined,assignment]  # this process has one more provider
    main()
