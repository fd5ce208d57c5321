"""Settings of payment providers: what their keys look like, and what belongs together. Read by `server/config.py`."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SECRETS_MAX = 2
_SECRET_SHORTEST = 8


def _key(form: str, example: str) -> Callable[[str], str]:
    pattern = re.compile(form, re.ASCII)

    def read(text: str) -> str:
        # What was given is not repeated: it may be the right key under the wrong name.
        if not pattern.fullmatch(text):
            raise ValueError(f"must look like `{example}`")
        return text

    return read


def _secrets(text: str) -> tuple[str, ...]:
    secrets = tuple(part.strip() for part in text.split(",") if part.strip())
    if not 1 <= len(secrets) <= _SECRETS_MAX:
        raise ValueError("must be one secret, or two while the one takes the other's place")
    if any(len(secret) < _SECRET_SHORTEST for secret in secrets):
        raise ValueError(f"must be secrets of {_SECRET_SHORTEST} characters or more")
    return secrets


def _api_base(text: str) -> str:
    parts = urlsplit(text)
    is_plain_allowed = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError("must be an address such as https://api.stripe.com")
    if parts.scheme != "https" and not is_plain_allowed:
        raise ValueError("must be https: our key is sent there (http is for tests, on 127.0.0.1)")
    return text.rstrip("/")


# Name, reader, default, meaning, whether it is a secret.
ROWS: tuple[tuple[str, Callable[[str], Any], str, str, bool], ...] = (
    (
        "stripe_secret_key",
        _key(r"(sk|rk)_(test|live)_\w{4,250}", "sk_live_..."),
        "none: no payments by Stripe",
        "Stripe's secret or restricted key; see docs/providers.md",
        True,
    ),
    (
        "stripe_publishable_key",
        _key(r"pk_(test|live)_\w{4,250}", "pk_live_..."),
        "none",
        "Stripe's publishable key, which the payer's page is given",
        False,
    ),
    (
        "stripe_webhook_secrets",
        _secrets,
        "none",
        "what Stripe signs its webhooks with (`whsec_...`); two, separated by a comma, while one is replaced",
        True,
    ),
    (
        "stripe_api_base",
        _api_base,
        "https://api.stripe.com",
        "where Stripe is asked; for tests",
        False,
    ),
    (
        "razorpay_key_id",
        _key(r"rzp_(test|live)_\w{4,250}", "rzp_live_..."),
        "none: no payments by Razorpay",
        "Razorpay's key id, which the payer's page is given, too; see docs/providers.md",
        False,
    ),
    (
        "razorpay_key_secret",
        _key(r"\S{8,250}", "what Razorpay showed beside the key id"),
        "none",
        "the secret of Razorpay's key",
        True,
    ),
    (
        "razorpay_webhook_secrets",
        _secrets,
        "none",
        "what Razorpay signs its webhooks with; two, separated by a comma, while one is replaced",
        True,
    ),
    (
        "razorpay_api_base",
        _api_base,
        "https://api.razorpay.com",
        "where Razorpay is asked; for tests",
        False,
    ),
)

_TOGETHER = (
    ("stripe_secret_key", "stripe_publishable_key", "stripe_webhook_secrets"),
    ("razorpay_key_id", "razorpay_key_secret", "razorpay_webhook_secrets"),
)


def contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is missing beside what is given (rightly, or wrongly: then it is None), and keys that do not match."""
    for names in _TOGETHER:
        given = [name for name in names if name in values]
        if given:
            yield from (
                f"{_variable(name)} is needed beside {_variable(given[0])}"
                for name in names
                if name not in given
            )
    secret, publishable = values.get("stripe_secret_key"), values.get("stripe_publishable_key")
    if secret and publishable and ("_live_" in secret) != ("_live_" in publishable):
        yield f"{_variable('stripe_publishable_key')} is of another mode (live, test) than the secret key"
    if values.get("demo"):
        yield from (
            f"{_variable(name)} is a live key: a demo must not take anybody's money"
            for name in ("stripe_secret_key", "razorpay_key_id")
            if "_live_" in (values.get(name) or "")
        )


def configured(secret_key: str | None, key_id: str | None) -> tuple[str, ...]:
    """Return the payment methods that have a provider outside."""
    return (("stripe",) if secret_key else ()) + (("razorpay",) if key_id else ())


def _variable(name: str) -> str:
    return f"OMNIBUS_{name.upper()}"
