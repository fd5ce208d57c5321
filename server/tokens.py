"""Access tokens: Ed25519-signed JWTs of ten minutes (RFC 9068), one algorithm, keys by `kid`.

Verification is cached until the token expires: a signature costs 120 µs, a look-up none. Whether its session is over is
asked every time, of what `server/doorkeeper.py` remembers.
"""

import json
import time
from collections import OrderedDict
from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from joserfc.jws import JWSRegistry

from store.accounts import User
from store.house_keys import HouseKey
from store.model import Caller, Role

LIFETIME_SECONDS = 600
SIGNING = "access_tokens"
"""What the keys are for, among those of the house."""
_LEEWAY_SECONDS = 10
_ALGORITHM: Final = "Ed25519"
_ISSUER = "omnibus"
_TYPE = "at+jwt"
_ENROL = "enrol"
_LONGEST_TOKEN = 2_000
_CACHED = 20_000


@dataclass(frozen=True, slots=True)
class Verified:
    """Whom a token speaks for, in which session; `may_only_enrol` until they have the second factor they need."""

    caller: Caller
    expires_at: float
    session_id: str
    may_only_enrol: bool = False


class Tokens:
    def __init__(self, keys: list[HouseKey], ended: Container[str] = frozenset()) -> None:
        """`keys` are as `use` has them; `ended` are the sessions whose tokens are good no more."""
        self.use(keys)
        self._ended = ended
        self._registry = JWSRegistry(algorithms=[_ALGORITHM])
        self._claims = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": _ISSUER},
            aud={"essential": True, "value": _ISSUER},
            sub={"essential": True},
            sid={"essential": True},
            exp={"essential": True},
        )

    def use(self, keys: list[HouseKey]) -> None:
        """Sign with the first of these keys and verify with all of them; nothing that was verified before is."""
        parsed = [OKPKey.import_key(json.loads(key.secret), {"kid": key.key_id}) for key in keys]
        self._signing = parsed[0]
        self._keys = KeySet(list(parsed))
        self._verified: OrderedDict[str, Verified] = OrderedDict()

    def issue(self, user: User, session_id: str, *, may_only_enrol: bool = False) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": _ISSUER,
            "aud": _ISSUER,
            "sub": str(user.user_id),
            "sid": session_id,
            "role": user.role.value,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_SECONDS,
        }
        if user.operator_id is not None:
            claims["operator"] = user.operator_id
        if may_only_enrol:
            claims["scope"] = _ENROL
        header = {"alg": _ALGORITHM, "typ": _TYPE, "kid": self._signing.kid}
        return jwt.encode(header, claims, self._signing, registry=self._registry)

    def verify(self, token: str) -> Verified | None:
        """Return who the token speaks for, or None for anything but a good access token of ours."""
        known = self._verified.get(token)
        if known is None:
            known = self._check(token)
            if known is None:
                return None
            self._verified[token] = known
            if len(self._verified) > _CACHED:
                self._verified.popitem(last=False)
        if known.expires_at + _LEEWAY_SECONDS < time.time() or known.session_id in self._ended:
            self._verified.pop(token, None)
            return None
        return known

    def _check(self, token: str) -> Verified | None:
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            return None
        try:
            decoded = jwt.decode(token, self._keys, registry=self._registry)
            if decoded.header.get("typ") != _TYPE:
                return None
            self._claims.validate(decoded.claims)
            claims = decoded.claims
            caller = Caller(int(claims["sub"]), Role(claims["role"]), claims.get("operator"))
            may_only_enrol = claims.get("scope") is not None
            return Verified(caller, float(claims["exp"]), str(claims["sid"]), may_only_enrol)
        except (JoseError, ValueError, KeyError, TypeError):
            return None


def new_signing_key() -> HouseKey:
    while True:
        key = OKPKey.generate_key(_ALGORITHM)
        name = key.thumbprint()
        if not name.startswith("-"):  # which a command line would take for an option
            return HouseKey(name, json.dumps(key.as_dict(private=True)))
