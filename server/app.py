"""The application: every route there is, in one table."""

from collections.abc import Iterable
from importlib.metadata import version

from starlette.responses import Response
from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from server import asyncapi, openapi, wire
from server.api import (
    accounts,
    admin,
    admin_audit,
    admin_bookings,
    admin_bus_status,
    admin_buses,
    admin_devices,
    admin_imports,
    admin_layouts,
    admin_no_shows,
    admin_operators,
    admin_outbox,
    admin_pace,
    admin_passengers,
    admin_refund_rules,
    admin_refunds,
    admin_rooms,
    admin_routes,
    admin_sales,
    admin_stops,
    admin_users,
    admin_vehicles,
    admin_webhook_deliveries,
    admin_webhooks,
    best_seats,
    boarding,
    bookings,
    buses,
    cancellations,
    days,
    demo_payments,
    departures,
    devices,
    finding,
    health,
    holds,
    manifests,
    operators,
    payments,
    phone_codes,
    profile,
    recovery,
    rooms,
    second_factors,
    sessions,
    shifts,
    stops,
    streams,
    tickets,
)
from server.contract import Answer, Endpoint, Operation, problem_answer, send_answer
from server.dispatch import Dispatch
from server.front import Front, Target
from server.hosts import Hosts
from server.http_protocol import HEALTH
from server.live import LiveEndpoint
from server.mail import viewer
from server.pages import page_routes
from server.problems import HttpProblem
from server.proxies import Proxies
from server.services import Services

# Ordered by how often they are asked: paths with parameters are compared in this order.
OPERATIONS: tuple[Operation, ...] = (
    *buses.OPERATIONS,
    *departures.OPERATIONS,
    *days.OPERATIONS,
    *best_seats.OPERATIONS,
    *streams.OPERATIONS,
    *holds.OPERATIONS,
    *bookings.OPERATIONS,
    *rooms.OPERATIONS,
    *finding.OPERATIONS,
    *cancellations.OPERATIONS,
    *payments.OPERATIONS,
    *demo_payments.OPERATIONS,
    *tickets.OPERATIONS,
    *stops.OPERATIONS,
    *accounts.OPERATIONS,
    *recovery.OPERATIONS,
    *profile.OPERATIONS,
    *sessions.OPERATIONS,
    *second_factors.OPERATIONS,
    *admin.OPERATIONS,
    *admin_users.OPERATIONS,
    *operators.OPERATIONS,
    *admin_audit.OPERATIONS,
    *admin_outbox.OPERATIONS,
    *admin_operators.OPERATIONS,
    *admin_stops.OPERATIONS,
    *admin_routes.OPERATIONS,
    *admin_layouts.OPERATIONS,
    *admin_vehicles.OPERATIONS,
    *admin_buses.OPERATIONS,
    *admin_bus_status.OPERATIONS,
    *admin_bookings.OPERATIONS,
    *admin_sales.OPERATIONS,
    *admin_pace.OPERATIONS,
    *admin_imports.OPERATIONS,
    *admin_rooms.OPERATIONS,
    *devices.OPERATIONS,
    *phone_codes.OPERATIONS,
    *boarding.OPERATIONS,
    *manifests.OPERATIONS,
    *admin_no_shows.OPERATIONS,
    *admin_passengers.OPERATIONS,
    *admin_devices.OPERATIONS,
    *admin_refund_rules.OPERATIONS,
    *admin_refunds.OPERATIONS,
    *shifts.OPERATIONS,
    *admin_webhooks.OPERATIONS,
    *admin_webhook_deliveries.OPERATIONS,
)


def create_app(services: Services) -> ASGIApp:
    """Return the ASGI application around open services."""
    # The bare router: exceptions are Front's business, and a middleware less is microseconds less for every request.
    router = Router([*_routes(services)], redirect_slashes=False, default=not_found)
    settings = services.settings
    proxies, hosts = Proxies(settings.trusted_proxies), Hosts(settings.hosts, free_paths=HEALTH)
    return Front(router, _api(services), proxies, hosts)


def openapi_document() -> bytes:
    """Return the OpenAPI document as it is served and committed."""
    return wire.format_json(openapi.document(OPERATIONS, version("omnibus")))


def asyncapi_document() -> bytes:
    """Return the AsyncAPI document as it is served and committed."""
    return wire.format_json(asyncapi.document(version("omnibus")))


def _routes(services: Services) -> Iterable[BaseRoute]:
    live = LiveEndpoint(
        services.live,
        allowed_origins=services.settings.origins,
        is_origin_required=services.settings.require_origin,
    )
    yield WebSocketRoute("/ws", live)
    yield from health.routes(services)
    yield _document("/openapi.json", openapi_document())
    yield _document("/asyncapi.json", asyncapi_document())
    settings = services.settings
    if settings.demo and settings.smtp_url is None:
        yield from viewer.routes(settings.mail_folder)
    yield from page_routes(methods=settings.payment_methods, embed_origins=settings.embed_origins)


def _document(path: str, document: bytes) -> Route:
    return Route(path, lambda _: Response(document, media_type="application/json"))


def _api(services: Services) -> Dispatch[Target]:
    by_path: dict[str, list[Operation]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, []).append(operation)
    targets: dict[str, Target] = {
        path: Endpoint(operations, services).answer for path, operations in by_path.items()
    }
    return Dispatch(openapi.PREFIX, targets, otherwise=_nothing)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer for every path that nobody serves."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1000, "reason": ""})
        return
    await send_answer(send, await _nothing(scope, receive, {}))


async def _nothing(scope: Scope, _receive: Receive, _path: dict[str, str]) -> Answer:
    problem = HttpProblem(404, "not_found", "There is nothing here", "nobody serves this address")
    return problem_answer(problem, scope["omnibus.request_id"])
