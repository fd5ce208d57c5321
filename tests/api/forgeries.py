"""Tokens that are almost ours: each is wrong in one way."""

import base64
import json
import time
from collections.abc import Callable, Mapping

from joserfc import jwt
from joserfc.jwk import Key, OctKey, OKPKey
from joserfc.jws import JWSRegistry

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

    def without(self, *claims: str) -> str:
        """Sign what is left when some claims are left out."""
        header = {"alg": "Ed25519", "typ": "at+jwt", "kid": self._tokens._signing.kid}
        left = {name: value for name, value in self._known.items() if name not in claims}
        return jwt.encode(header, left, self._tokens._signing, registry=self._tokens._registry)

    def off_by(self, seconds: int) -> str:
        """Sign a token that was over so many seconds ago."""
        now = int(time.time())
        return self.signed(iat=now - 700, nbf=now - 700, exp=now - seconds)

    def from_tomorrow(self, seconds: int) -> str:
        """Sign a token that is good in so many seconds only."""
        now = int(time.time())
        return self.signed(nbf=now + seconds, exp=now + seconds + 600)

    def own_key(self, **header: object) -> str:
        """Sign with a key of one's own, and say in the header where it is to be found."""
        key = OKPKey.generate_key("Ed25519")
        named = {"alg": "Ed25519", "typ": "at+jwt", "kid": self._tokens._signing.kid}
        if header.get("jwk") is True:
            header["jwk"] = key.as_dict(private=False)
        registry = JWSRegistry(algorithms=["Ed25519"], strict_check_header=False)
        return jwt.encode(named | header, self._known, key, registry=registry)

    def keyed_by_nothing(self, kid: str) -> str:
        """Name a file or an address as the key: whoever reads it there finds nothing, and an empty secret is known."""
        header = {"alg": "HS256", "typ": "at+jwt", "kid": kid}
        return jwt.encode(header, self._known, OctKey.import_key(b"\0" * 32))

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
    "path as kid of a known secret": lambda by: by.keyed_by_nothing("../../../dev/null"),
    "address as kid": lambda by: by.keyed_by_nothing("http://127.0.0.1:1/key"),
    "statement as kid": lambda by: by.keyed_by_nothing("' UNION SELECT '' --"),
    "alg none without a seal": lambda by: by.headed(alg="none").rpartition(".")[0] + ".",
    "alg nOnE": lambda by: by.headed(alg="nOnE").rpartition(".")[0] + ".",
    "alg EdDSA": lambda by: by.headed(alg="EdDSA"),
    "no alg": lambda by: by.headed(),
    "key on board": lambda by: by.own_key(jwk=True),
    "key elsewhere": lambda by: by.own_key(jku="http://127.0.0.1:1/keys"),
    "certificate elsewhere": lambda by: by.own_key(x5u="http://127.0.0.1:1/chain"),
    "unknown critical header": lambda by: by.headed(alg="Ed25519", crit=["b64"], b64=False),
    "another key": lambda by: by.signed(key=OKPKey.generate_key("Ed25519")),
    "other claims": lambda by: by.claiming(sub="1"),
    "another issuer": lambda by: by.signed(iss="evil"),
    "another audience": lambda by: by.signed(aud="evil"),
    "another type": lambda by: by.signed(typ="JWT"),
    "no type": lambda by: by.signed(typ=""),
    "over": lambda by: by.signed(exp=1),
    "just over": lambda by: by.off_by(12),
    "not yet good": lambda by: by.signed(nbf=4_000_000_000, exp=4_000_000_600),
    "not quite good": lambda by: by.from_tomorrow(60),
    "for ever": lambda by: by.signed(exp=None),
    "without an end": lambda by: by.without("exp"),
    "without a session": lambda by: by.without("sid"),
    "without a user": lambda by: by.without("sub"),
    "without an issuer": lambda by: by.without("iss"),
    "without an audience": lambda by: by.without("aud"),
    "unknown role": lambda by: by.signed(role="god"),
    "nobody": lambda by: by.signed(sub="me"),
    "too long": lambda by: by.good + "A" * 2_000,
    "far too long": lambda by: by.good + "A" * 50_000,
    "not ASCII": lambda _: "\u00e9" * 20,
}


def _written(part: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
