"""A stand-in for Razorpay, written to its documentation: `python -m tests.support.razorpay_server PORT`.

Orders, payments that are authorised and then captured, refunds with their idempotency header, and webhooks signed as
theirs are. What only a payer or a bank does is under `/fake`.
"""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

KEY_ID = "rzp_test_1DP5mmOlF5G5ag"
KEY_SECRET = "thisissupersecret0"
WEBHOOK_SECRET = "webhook-secret-of-the-stand-in"
SLOW_PAISE = 777
"""A refund of this much takes its time."""
_NOTES_MAX, _RECEIPT_MAX, _LEAST_PAISE, _PAGE_MAX = 15, 40, 100, 100

Entity = dict[str, Any]
orders: dict[str, Entity] = {}
payments: dict[str, Entity] = {}
refunds: dict[str, Entity] = {}
refund_keys: dict[str, tuple[str, Entity, Entity | None]] = {}
events: list[dict[str, Any]] = []
manual: dict[str, bool] = {}
"""Orders whose payments wait to be captured."""
_numbers = itertools.count(1)


class Refused(HTTPException):
    def __init__(self, description: str, status: int = 400) -> None:
        super().__init__(status)
        self.description = description


def _new(kind: str, prefix: str, **fields: Any) -> Entity:
    made = f"{prefix}_{secrets.token_hex(5)}{next(_numbers):04}"
    return {"id": made, "entity": kind, "created_at": int(time.time()), **fields}


def _require(what: object, description: str) -> None:
    if not what:
        raise Refused(description)


def _find(store: dict[str, Entity], request: Request) -> Entity:
    found = store.get(request.path_params["id"])
    if found is None:
        raise Refused("The id provided does not exist")
    return found


def _is_amount(amount: object, least: int) -> bool:
    return isinstance(amount, int) and not isinstance(amount, bool) and amount >= least


def _collection(items: list[Entity], request: Request) -> Response:
    """Answer with a page of it, the newest first."""
    count = min(int(request.query_params.get("count", 10)), _PAGE_MAX)
    skip = int(request.query_params.get("skip", 0))
    page = list(reversed(items))[skip : skip + count]
    return JSONResponse({"entity": "collection", "count": len(page), "items": page})


async def create_order(request: Request) -> Response:
    asked = await request.json()
    _require(_is_amount(asked.get("amount"), _LEAST_PAISE), "The amount must be at least INR 1.00")
    _require(len(asked.get("currency", "")) == 3, "The currency is invalid")
    _require(len(asked.get("receipt", "")) <= _RECEIPT_MAX, "The receipt is too long")
    _require(len(asked.get("notes", {})) <= _NOTES_MAX, "There are too many notes")
    made = _new(
        "order",
        "order",
        amount=asked["amount"],
        amount_paid=0,
        amount_due=asked["amount"],
        currency=asked["currency"],
        receipt=asked.get("receipt"),
        offer_id=None,
        status="created",
        attempts=0,
        notes=asked.get("notes") or [],
    )
    manual[made["id"]] = asked.get("payment", {}).get("capture") == "manual"
    orders[made["id"]] = made
    return JSONResponse(made)


async def list_orders(request: Request) -> Response:
    receipt = request.query_params.get("receipt")
    found = [each for each in orders.values() if receipt in {None, each["receipt"]}]
    return _collection(found, request)


async def fetch_order(request: Request) -> Response:
    return JSONResponse(_find(orders, request))


async def edit_order(request: Request) -> Response:
    order, asked = _find(orders, request), await request.json()
    _require(set(asked) == {"notes"}, "Only notes can be edited")
    order["notes"] = asked["notes"]
    return JSONResponse(order)


async def order_payments(request: Request) -> Response:
    order = _find(orders, request)
    return _collection(
        [each for each in payments.values() if each["order_id"] == order["id"]], request
    )


async def capture(request: Request) -> Response:
    payment, asked = _find(payments, request), await request.json()
    _require(payment["status"] != "captured", "This payment has already been captured")
    _require(
        payment["status"] == "authorized",
        "Only payments which have been authorized can be captured",
    )
    is_same = (asked["amount"], asked["currency"]) == (payment["amount"], payment["currency"])
    _require(is_same, "Capture amount must be equal to the amount authorized")
    order = orders[payment["order_id"]]
    _require(order["status"] != "paid", "The order has already been paid")
    _captured(payment)
    return JSONResponse(payment)


def _captured(payment: Entity) -> None:
    order = orders[payment["order_id"]]
    payment.update(status="captured", captured=True)
    order.update(status="paid", amount_paid=order["amount"], amount_due=0)
    _tell("payment.captured", payment=payment)
    _tell("order.paid", payment=payment, order=order)


async def refund(request: Request) -> Response:
    payment, asked = _find(payments, request), await request.json()
    key = request.headers.get("x-refund-idempotency")
    if key is None:
        return JSONResponse(_refund(payment, asked))
    _require(len(key) >= 10, "The idempotency key is too short")
    first = refund_keys.get(key)
    if first is None:
        refund_keys[key] = payment["id"], asked, None
        await asyncio.sleep(0.05)  # long enough for another to ask meanwhile
        try:
            made = _refund(payment, asked)
        except Refused:
            del refund_keys[key]
            raise
        refund_keys[key] = payment["id"], asked, made
        return JSONResponse(made)
    of, what, made_before = first
    if (of, what) != (payment["id"], asked):
        raise Refused("Different request with the same idempotency key has already been processed.")
    if made_before is None:
        raise Refused("A request with this idempotency key is in progress", 409)
    return JSONResponse(refunds[made_before["id"]])


def _refund(payment: Entity, asked: Entity) -> Entity:
    _require(payment["captured"], "The payment status should be captured for action to be taken")
    left = payment["amount"] - payment["amount_refunded"]
    _require(left > 0, "The payment has been fully refunded already")
    amount = asked.get("amount", left)
    _require(_is_amount(amount, 1), "The amount is invalid")
    _require(amount <= left, "The total refund amount is greater than the refund payment amount")
    made = _new(
        "refund",
        "rfnd",
        amount=amount,
        currency=payment["currency"],
        payment_id=payment["id"],
        notes=asked.get("notes") or [],
        receipt=asked.get("receipt"),
        acquirer_data={"arn": None},
        batch_id=None,
        status="pending" if amount == SLOW_PAISE else "processed",
        speed_processed="normal",
        speed_requested=asked.get("speed", "normal"),
    )
    refunds[made["id"]] = made
    payment["amount_refunded"] += amount
    if payment["amount_refunded"] == payment["amount"]:
        payment.update(status="refunded", refund_status="full")
    else:
        payment["refund_status"] = "partial"
    _tell("refund.created", refund=made, payment=payment)
    return made


async def list_refunds(request: Request) -> Response:
    payment = _find(payments, request)
    found = [each for each in refunds.values() if each["payment_id"] == payment["id"]]
    return _collection(found, request)


async def pay(request: Request) -> Response:
    """Do what a payer does, with the outcome that is asked for: failed, authorized, or captured at once."""
    order, asked = _find(orders, request), await request.json()
    _require(order["status"] != "paid", "The order has already been paid")
    is_failed = asked["status"] == "failed"
    made = _new(
        "payment",
        "pay",
        amount=asked.get("amount", order["amount"]),
        currency=order["currency"],
        status="failed" if is_failed else "authorized",
        order_id=order["id"],
        invoice_id=None,
        international=False,
        method="upi",
        amount_refunded=0,
        refund_status=None,
        captured=False,
        email="gaurav.kumar@example.com",
        contact="+919999999999",
        notes=[],
        error_code="BAD_REQUEST_ERROR" if is_failed else None,
        error_description="Payment failed" if is_failed else None,
    )
    payments[made["id"]] = made
    order.update(status="attempted", attempts=order["attempts"] + 1)
    _tell("payment.failed" if is_failed else "payment.authorized", payment=made)
    if asked["status"] == "captured" or not (is_failed or manual[order["id"]]):
        _captured(made)
    message = f"{order['id']}|{made['id']}"
    return JSONResponse({**made, "checkout_signature": _sign(KEY_SECRET, message.encode())})


async def settle_refunds(request: Request) -> Response:
    """Let every pending refund end as it is asked for: processed or failed."""
    asked = await request.json()
    for each in refunds.values():
        if each["status"] == "pending":
            each["status"] = asked["status"]
            _tell(f"refund.{asked['status']}", refund=each, payment=payments[each["payment_id"]])
    return JSONResponse({})


async def take_events(_request: Request) -> Response:
    """Hand over what would have been sent to the webhook's URL since the last time."""
    taken, events[:] = list(events), []
    return JSONResponse(taken)


def _tell(kind: str, **entities: Entity) -> None:
    body = json.dumps(
        {
            "entity": "event",
            "account_id": "acc_BFQ7uQEaa7j2z7",
            "event": kind,
            "contains": list(entities),
            "payload": {name: {"entity": entity} for name, entity in entities.items()},
            "created_at": int(time.time()),
        }
    )
    headers = {
        "content-type": "application/json",
        "x-razorpay-signature": _sign(WEBHOOK_SECRET, body.encode()),
        "x-razorpay-event-id": secrets.token_hex(7),
    }
    events.append({"body": body, "headers": headers})


def _sign(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class Login:
    """Basic authentication with the key, but for what payers and banks do."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._expected = b"Basic " + base64.b64encode(f"{KEY_ID}:{KEY_SECRET}".encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/fake"):
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                await _problem("Authentication failed", 401)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _problem(description: str, status: int) -> Response:
    error = {"code": "BAD_REQUEST_ERROR", "description": description, "metadata": {}}
    return JSONResponse({"error": error}, status)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _problem(error.description, error.status_code)


Handler = Callable[[Request], Awaitable[Response]]


def _post(path: str, handler: Handler) -> Route:
    return Route(path, handler, methods=["POST"])


app = Starlette(
    routes=[
        Route("/v1/orders", list_orders),
        _post("/v1/orders", create_order),
        Route("/v1/orders/{id}", fetch_order),
        Route("/v1/orders/{id}", edit_order, methods=["PATCH"]),
        Route("/v1/orders/{id}/payments", order_payments),
        _post("/v1/payments/{id}/capture", capture),
        _post("/v1/payments/{id}/refund", refund),
        Route("/v1/payments/{id}/refunds", list_refunds),
        _post("/fake/orders/{id}/pay", pay),
        _post("/fake/refunds", settle_refunds),
        _post("/fake/events", take_events),
    ],
    middleware=[Middleware(Login)],
    exception_handlers={Refused: _refused},
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
