"""localstripe, a stateful stand-in for Stripe that others wrote: `python -m tests.support.localstripe_server PORT`.

As it starts itself it listens on every address, and keeps everything in a file that all who run it share. Unlike
Stripe it lets nobody pay whose first card was declined: that is mended here.
"""

import sys
from typing import Any

from aiohttp import web
from localstripe import resources, server

_update = resources.PaymentIntent._update


def try_again(intent: Any, **changes: Any) -> None:
    """Take another card in the place of one that was declined."""
    _update(intent, **changes)
    charge = intent.latest_charge
    if "payment_method" in changes and charge is not None and charge.status == "failed":
        intent.latest_charge = None


def main() -> None:
    resources.Store.dump_to_disk = lambda _: None
    resources.PaymentIntent._update = try_again
    web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
