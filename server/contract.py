"""An operation of the API: what comes in, who may call, what goes out, what can go wrong.

A handler is a typed coroutine; its annotations say which struct its body and its query are. The table entry says the
rest. From both come the ASGI endpoint here and the OpenAPI document in `server/openapi.py`.
"""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from server import wire
from server.device_keys import AskFirst
from server.doorkeeper import require_open
from server.guests import cookie_header, read_cookie
from server.headers import EXTRA, Headers
from server.intake import check_headers, decode_body, decode_query, find_key, read_body
from server.policies import Rate
from server.problems import (
    CONTENT_TYPE,
    HttpProblem,
    describe,
    enrol_first,
    unauthenticated,
    write,
)
from server.services import Services
from server.sight import Sight
from server.tokens import Verified
from server.uploads import Upload
from store.errors import Forbidden, NotFound, Refusal, StoreError
from store.model import GUEST, Caller, DeviceKind, Role
from store.pairing import KEY_PREFIX
from store.requests import Ask, Key, Reply

T = TypeVar("T")
# What is told to one caller is nobody else's: no cache keeps an answer unless its handler says so.
_NO_STORE = (b"cache-control", b"no-store")
_JSON: Headers = ((b"content-type", b"application/json"), _NO_STORE)
_PROBLEM: Headers = ((b"content-type", CONTENT_TYPE), _NO_STORE)
_BODILESS = frozenset({204, 304})
_SAFE = frozenset({"GET", "HEAD"})
_CATALOGUE = tuple(f"/admin/{each}" for each in ("buses", "operators", "routes", "stops"))


class Access(Enum):
    """Who may call an operation at all; what they may touch is decided by the store.

    A device is nobody that is meant by ANYONE: it may do what is said of devices.
    """

    ANYONE = frozenset({None, *Role})
    READERS = frozenset({None, *Role, *DeviceKind})
    BUYERS = frozenset({None, *Role, DeviceKind.KIOSK})
    SIGNED_IN = frozenset(Role)
    MANAGERS = frozenset({Role.OPERATOR, Role.ADMIN})
    STAFF = frozenset({Role.AGENT, Role.OPERATOR, Role.SUPPORT, Role.ADMIN})
    OVERSEERS = frozenset({Role.OPERATOR, Role.SUPPORT, Role.ADMIN})
    PLATFORM = frozenset({Role.ADMIN})
    DEVICES = frozenset(DeviceKind)
    KIOSKS = frozenset({DeviceKind.KIOSK})
    CLERKS = frozenset({Role.AGENT, Role.OPERATOR})
    TILLS = frozenset({Role.AGENT, Role.OPERATOR, DeviceKind.KIOSK})
    DOORKEEPERS = frozenset({DeviceKind.SCANNER, Role.AGENT, Role.OPERATOR})


class Idempotency(Enum):
    NONE = "none"
    ACCEPTED = "accepted"
    REQUIRED = "required"


class Answer(msgspec.Struct, frozen=True):
    """What a handler returns when status and a body are not all there is to say."""

    status: int
    body: bytes = b""
    headers: Headers = _JSON

    @property
    def has_length(self) -> bool:
        return self.status not in _BODILESS


@dataclass(frozen=True, slots=True)
class Flow:
    """An answer without an end: `run` sends all of it, and its own refusal when there is nothing to send."""

    run: Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(slots=True)
class Call:
    """One request, as a handler sees it."""

    services: Services
    operation: "Operation"
    caller: Caller
    path: dict[str, str]
    headers: dict[bytes, bytes]
    request_id: str
    client: str
    scheme: str
    raw_path: bytes
    query: bytes
    body: bytes = b""
    key: str | None = None
    token: Verified | None = None
    """The access token that the caller has shown; devices and guests have none."""
    upload: Upload | None = None
    """The file on its way, of an operation that takes one."""

    def ask(self, shape: Callable[[T], Any]) -> Ask[T]:
        """Return how the store shall write this call's answer, and its idempotency key."""

        def encode(value: T | Refusal) -> Reply:
            if isinstance(value, Refusal):
                problem = describe(value, self.request_id)
                return Reply(problem.status, write(problem))
            return Reply(self.operation.status, wire.encode(shape(value)))

        return Ask(encode, self.digest_key())

    async def count(self, rate: Rate, name: str, address: str = "") -> None:
        """Count this call against whom it names (an account, say); raise the problem that refuses it."""
        if (pacing := self.services.pacing) is not None:
            await pacing.count(rate, name, address)

    def forgive(self, rate: Rate, name: str, address: str = "") -> None:
        """Take back what `count` counted: this call was none of those that are bounded."""
        if (pacing := self.services.pacing) is not None:
            pacing.forgive(rate, name, address)

    def digest_key(self) -> Key | None:
        """Return the idempotency key as the store keeps it: digests of (caller, operation, key) and of the request."""
        if self.key is None:
            return None
        owner = f"{self.caller.scope}\0{self.operation.name}\0{self.key}"
        return Key.digest(owner.encode(), self.raw_path + b"\0" + self.body)


class _Retry(msgspec.Struct, frozen=True):
    retry_after: int | None = None


Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the API's table.

    `returns` is the struct of a success, None when there is no body; `headers` are those it reads, with their meaning.
    """

    method: str
    path: str
    handler: Handler
    returns: Any
    status: int = 200
    access: Access = Access.ANYONE
    idempotency: Idempotency = Idempotency.NONE
    problems: tuple[type[StoreError], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[int, str] = field(default_factory=dict)
    """Codes that no error of the store stands for, by status."""
    text: str | None = None
    """The media type of a success that is a text of its own kind instead of JSON."""
    other_text: str | None = None
    """The media type of a success for those who ask for a text beside the JSON."""
    file_media: str | None = None
    """The media type of a body that is a file: the handler takes it in, by `Call.upload`, once it knows from whom."""
    body_bytes_max: int = wire.BODY_BYTES_MAX
    has_etag: bool = False
    """Whether a success has an ETag, and `If-None-Match` may get a 304."""
    tells_guests_apart: bool = False
    """Whether guests are recognised here, and given a cookie if they have none."""
    rate: Rate | None = None
    """What its callers are limited as; by default what it does and where says it."""
    is_for_enrolment: bool = False
    """Whether staff may call it before they have the second factor they need."""
    is_guarded: bool = field(init=False)
    """Whether it is for those who manage only, so that refusing it is worth a line of the audit log."""
    edits_catalogue: bool = field(init=False)
    """Whether searches and prices of days may show something else after it."""
    name: str = field(init=False)
    body_type: Any = field(init=False)
    query_type: Any = field(init=False)
    decoder: "msgspec.json.Decoder[Any] | None" = field(init=False)
    is_body_optional: bool = field(init=False)

    def __post_init__(self) -> None:
        annotations = inspect.get_annotations(self.handler)
        body = annotations.get("body")
        object.__setattr__(self, "name", self.handler.__name__)
        is_guarded = self.access in {Access.MANAGERS, Access.OVERSEERS}
        object.__setattr__(self, "is_guarded", is_guarded)
        edits_catalogue = self.method != "GET" and self.path.startswith(_CATALOGUE)
        object.__setattr__(self, "edits_catalogue", edits_catalogue)
        object.__setattr__(self, "body_type", body)
        object.__setattr__(self, "query_type", annotations.get("query"))
        object.__setattr__(self, "decoder", msgspec.json.Decoder(body) if body else None)
        is_optional = body is not None and not any(
            each.required for each in msgspec.structs.fields(body)
        )
        object.__setattr__(self, "is_body_optional", is_optional)
        object.__setattr__(self, "rate", self.rate or _usual_rate(self.method, self.path))


def _usual_rate(method: str, path: str) -> Rate:
    if method == "GET":
        return Rate.READ
    return Rate.ADMIN if path.startswith("/admin/") else Rate.WRITE


class Endpoint:
    """All operations of one path."""

    def __init__(self, operations: Iterable[Operation], services: Services) -> None:
        self._services = services
        self._by_method = {operation.method: operation for operation in operations}
        if "GET" in self._by_method:
            self._by_method["HEAD"] = self._by_method["GET"]
        pacing = services.pacing
        self._doors = {
            method: pacing.door(operation.rate)
            for method, operation in self._by_method.items()
            if pacing is not None and operation.rate is not None
        }
        reader = services.store.reader
        self._sight = Sight(reader.marks) if reader.standbys else None
        self._allow = ", ".join(sorted([*self._by_method, "OPTIONS"])).encode()

    async def answer(self, scope: Scope, receive: Receive, path: dict[str, str]) -> Answer | Flow:
        """Answer a request; `path` has what the address says. Errors that are foreseen are answers too."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is not None:
            scope[EXTRA] = self._services.origins.tell(origin)
        try:
            if len(headers) != len(scope["headers"]) or b"host" not in headers:
                check_headers(scope["headers"], version=scope["http_version"])
            if scope["method"] == "OPTIONS":
                return Answer(204, headers=self._options(origin))
            return await self._answer(scope, receive, path, headers)
        except (StoreError, HttpProblem) as error:
            return problem_answer(error, scope["omnibus.request_id"])

    def _options(self, origin: bytes | None) -> Headers:
        allow = (b"allow", self._allow)
        if origin is None:
            return (allow,)
        return (allow, *self._services.origins.preflight(origin, self._allow))

    async def _answer(
        self, scope: Scope, receive: Receive, path: dict[str, str], headers: dict[bytes, bytes]
    ) -> Answer | Flow:
        operation = self._find(scope)
        scope["omnibus.route"] = operation.path
        try:
            call = self._open(scope, operation, path, headers)
        except AskFirst as stranger:
            device = await self._services.device_keys.check(stranger.key)
            call = self._open(scope, operation, path, headers, device)
        if call.token and operation.method not in _SAFE and not self._services.doorkeeper.hears:
            await require_open(self._services.store.ends, call.token)
        cookie = self._recognise(call) if operation.tells_guests_apart else None
        try:
            if (door := self._doors.get(operation.method)) is not None:
                told = await door.admit(call.caller, call.client, is_known=cookie is None)
                scope[EXTRA] = (*scope[EXTRA], *told) if EXTRA in scope else told
            if operation.file_media is not None:
                call.upload = Upload(scope, receive, call.headers)
            elif operation.decoder is not None or operation.method != "GET":
                call.body = await read_body(receive, call.headers, operation.body_bytes_max)
            answer: Answer | Flow = await _run(call)
        except (StoreError, HttpProblem) as error:
            if operation.is_guarded and isinstance(error, NotFound | Forbidden):
                self._services.security_log.note_refusal(call.caller, operation.name)
            answer = problem_answer(error, call.request_id)
        if operation.method not in _SAFE:
            self._note_write(scope, call, answer)
        if cookie is None or isinstance(answer, Flow):
            return answer
        return replace(answer, headers=(*answer.headers, cookie))

    def _note_write(self, scope: Scope, call: Call, answer: Answer | Flow) -> None:
        """Have whoever may have changed something see it."""
        is_refused = isinstance(answer, Answer) and 400 <= answer.status < 500
        if call.operation.edits_catalogue and not is_refused:  # other processes hear a moment later
            self._services.listings.note_edit(call.operation.path)
        if self._sight is not None:  # whatever the answer says: another try may have done it
            scope[EXTRA] = (*scope.get(EXTRA, ()), *self._sight.tell(call))

    def _recognise(self, call: Call) -> tuple[bytes, bytes] | None:
        """Tell a guest from others; return the header that gives a cookie to whoever has none of ours."""
        if not call.caller.is_guest or not self._services.settings.rate_limits:
            return None
        guests, given = self._services.guests, read_cookie(call.headers, call.scheme)
        call.caller = guests.recognise(given, call.client)
        if guests.is_ours(given):
            return None
        return cookie_header(guests.new_cookie(), call.scheme)

    def _find(self, scope: Scope) -> Operation:
        operation = self._by_method.get(scope["method"])
        if operation is None:
            raise HttpProblem(
                405,
                "method_not_allowed",
                "This path does not take that method",
                f"it takes {self._allow.decode()}",
                headers=((b"allow", self._allow),),
            )
        return operation

    def _open(
        self,
        scope: Scope,
        operation: Operation,
        path: dict[str, str],
        headers: dict[bytes, bytes],
        device: Caller | None = None,
    ) -> Call:
        given = scope["headers"]
        who = device or self._who(headers, operation)
        token, caller = (who, who.caller) if isinstance(who, Verified) else (None, who or GUEST)
        if caller.role not in operation.access.value:
            if caller.is_guest:
                raise unauthenticated("this needs a signed-in user")
            self._services.security_log.note_refusal(caller, operation.name)
            raise Forbidden("your role may not do this")
        if token is not None and token.may_only_enrol and not operation.is_for_enrolment:
            raise enrol_first()
        call = Call(
            self._services,
            operation,
            caller,
            path,
            headers,
            request_id=scope["omnibus.request_id"],
            client=(scope.get("client") or ("", 0))[0],
            scheme=scope.get("scheme", "http"),
            raw_path=scope["path"].encode(),
            query=scope["query_string"],
            key=find_key(given, headers, is_required=operation.idempotency is Idempotency.REQUIRED)
            if operation.idempotency is not Idempotency.NONE
            else None,
            token=token,
        )
        if self._sight is not None and operation.method in _SAFE:
            self._sight.open(call)
        return call

    def _who(self, headers: dict[bytes, bytes], operation: Operation) -> Verified | Caller | None:
        """Return whose token is shown, or the device whose key is; None for a guest. Raises AskFirst, or a 401."""
        given = headers.get(b"authorization")
        if given is None:
            return None
        scheme, _, token = given.decode("latin-1").partition(" ")
        token = token.strip()
        is_bearer = scheme.lower() == "bearer"
        if is_bearer and token.startswith(KEY_PREFIX):
            is_write = operation.method not in _SAFE
            return self._services.device_keys.recall(token, is_write=is_write)
        verified = self._services.tokens.verify(token) if is_bearer else None
        if verified is None:
            raise unauthenticated("the access token is not valid, or not any more")
        return verified


async def _run(call: Call) -> Answer | Flow:
    operation = call.operation
    arguments: dict[str, Any] = {}
    if operation.decoder is not None:
        if call.body or not operation.is_body_optional:
            arguments["body"] = decode_body(call.body, call.headers, operation.decoder)
        else:
            arguments["body"] = operation.body_type()
    if operation.query_type is not None:
        arguments["query"] = decode_query(call.query, operation.query_type)
    result = await operation.handler(call, **arguments)
    if isinstance(result, Answer | Flow):
        return result
    if isinstance(result, Reply):
        headers = _JSON if result.status < 400 else [*_PROBLEM, *_retry_header(result.body)]
        if result.is_replayed:
            headers = (*headers, (b"idempotent-replayed", b"true"))
        return Answer(result.status, result.body, headers)
    if result is None:
        return Answer(operation.status if operation.returns else 204, headers=(_NO_STORE,))
    return Answer(operation.status, wire.encode(result))


def _retry_header(problem: bytes) -> Headers:
    """Return the Retry-After of a refusal that is stored as it was told."""
    if b'"retry_after"' not in problem:
        return ()
    seconds = msgspec.json.decode(problem, type=_Retry).retry_after
    return () if seconds is None else ((b"retry-after", str(seconds).encode()),)


def problem_answer(error: StoreError | HttpProblem, request_id: str) -> Answer:
    problem = describe(error, request_id)
    headers = [*_PROBLEM]
    if problem.retry_after is not None:
        headers.append((b"retry-after", str(problem.retry_after).encode()))
    if isinstance(error, HttpProblem):
        headers += error.headers
    return Answer(problem.status, write(problem), headers)


async def send_answer(send: Send, answer: Answer) -> None:
    headers = [*answer.headers]
    if answer.has_length:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
