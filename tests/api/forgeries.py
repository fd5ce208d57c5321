"""Tokens that are almost ours: each is wrong in one way."""

import base64
import json
from collections.abc import Callable, Mapping

from joserfc import jwt
from joserfc.jwk import Key, OctKey, OKPKey

from server.tokens import Tokens
from tests.api.shop import Json


class Forger:
    """Knows a good token and, unlike a real forger, the key: so that nothing else is wrong with what it signs."""

    def __init__(self, tokens: Tokens, good: str) -> None:
        self.good = good
        self.head, self.claims, self.seal = good.split(".")
        self._tokens = tokens
        self._known: Json = json.loads(base64.urlsafe_b64decode(self.claims + "=="))

    def signed(self, *, typ: str = "at+jwt", key: Key | None = None, **changes: object) -> str:
        """Sign other claims, or as another type, or with another key."""
        header = {"alg": "Ed25519", "typ": typ, "kid": self._tokens._signing.kid}
        signing = key or self._tokens._signing
        return jwt.encode(header, self._known | changes, signing, registry=self._tokens._registry)

    def headed(self, **header: object) -> str:
        """Put another header before the same claims and seal."""
        return f"{_written({'typ': 'at+jwt', **header})}.{self.claims}.{self.seal}"

    def claiming(self, **changes: object) -> str:
        """Put other claims under the same seal."""
        return f"{self.head}.{_written(self._known | changes)}.{self.seal}"

    def sealed_with_public_key(self) -> str:
        """Take the public key, which everyone may know, for an HMAC secret."""
        public = json.dumps(self._tokens._signing.as_dict(private=False))
        header = {"alg": "HS256", "typ": "at+jwt", "kid": self._tokens._signing.kid}
        return jwt.encode(header, self._known, OctKey.import_key(public))


FORGERIES: Mapping[str, Callable[[Forger], str]] = {
    "three words": lambda _: "x.y.z",
    "truncated": lambda by: by.good[:-10],
    "without a seal": lambda by: f"{by.head}.{by.claims}.",
    "alg none": lambda by: by.headed(alg="none"),
    "alg None": lambda by: by.headed(alg="None"),
    "alg HS256": lambda by: by.sealed_with_public_key(),
    "unknown kid": lambda by: by.headed(alg="Ed25519", kid="x"),
    "path as kid": lambda by: by.headed(alg="Ed25519", kid="../../etc/passwd"),
    "key on board": lambda by: by.headed(alg="Ed25519", jwk={"kty": "OKP"}),
    "key elsewhere": lambda by: by.headed(alg="Ed25519", jku="http://127.0.0.1:1/keys"),
    "another key": lambda by: by.signed(key=OKPKey.generate_key("Ed25519")),
    "other claims": lambda by: by.claiming(sub="1"),
    "another issuer": lambda by: by.signed(iss="evil"),
    "another audience": lambda by: by.signed(aud="evil"),
    "another type": lambda by: by.signed(typ="JWT"),
    "over": lambda by: by.signed(exp=1),
    "not yet good": lambda by: by.signed(nbf=4_000_000_000, exp=4_000_000_600),
    "for ever": lambda by: by.signed(exp=None),
    "unknown role": lambda by: by.signed(role="god"),
    "nobody": lambda by: by.signed(sub="me"),
    "far too long": lambda by: by.good + "A" * 50_000,
    "not ASCII": lambda _: "\u00e9" * 20,
}


def _written(part: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
