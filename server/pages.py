"""The pages: one shell of HTML each, the same for everyone; what it shows comes from the API.

A shell is known as soon as the process starts, so a page costs no query, and its security policy can be strict: no
script runs but our files and the import map, which is named by its digest.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlencode

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from server.assets import FOR_EVER, PREFIX, WORKER, Assets, Body, Shell
from server.contract import problem_answer, send_answer
from server.languages import DEFAULT, LOCALES, negotiate
from server.problems import HttpProblem
from store.ids import is_ref, parse_bus, parse_owned

_HOST = re.compile(r"[A-Za-z0-9.\-:\[\]]{1,253}")
_ASK_FIRST = "no-cache"
# Scanners read tickets by the camera; nothing else of a device is asked for.
_PERMISSIONS = (
    "camera=(self), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
)
# Where something is paid for, and what the scripts of those who take the money load there, as they document it.
_TILLS = frozenset({"checkout", "booking"})
_PROVIDERS: Mapping[str, Mapping[str, str]] = {
    "stripe": {
        "script-src": "https://js.stripe.com https://*.js.stripe.com",
        "frame-src": "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com",
        "connect-src": "https://api.stripe.com",
        "img-src": "https://*.stripe.com",
    },
    "razorpay": {
        "script-src": "https://checkout.razorpay.com",
        "frame-src": "https://api.razorpay.com https://checkout.razorpay.com",
        "connect-src": "https://api.razorpay.com https://lumberjack.razorpay.com",
        "img-src": "https://cdn.razorpay.com",
    },
}
# What the seat map asks for first, and the names that its address has for it (static/js/pages/bus.js).
_MAPS = frozenset({"bus", "embed"})
_LEG = {"from": "from_stop", "to": "to_stop"}
_PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# The page that others may show in a frame, and the script that puts it there.
_EMBEDDED = "embed"
_LENT = "js/embed/seat-map.js"
_THEMES = frozenset({"light", "dark"})

Handler = Callable[[Request], Awaitable[Response]]


class Pages:
    """Answers for shells and files of one edition of `static/`."""

    def __init__(
        self,
        assets: Assets,
        *,
        methods: Collection[str] = (),
        embed_origins: Collection[str] = (),
    ) -> None:
        self._assets = assets
        self._providers = [_PROVIDERS[method] for method in methods if method in _PROVIDERS]
        self._framed_by = " ".join(embed_origins) or "'none'"
        # Few enough to keep all: every shell in every theme and language.
        self._body = lru_cache(maxsize=None)(self._render)

    def routes(self) -> Iterable[BaseRoute]:
        """Every page there is. The last route takes all other paths, so these belong at the end of the table."""
        yield Route(PREFIX + "/{build}/{path:path}", self.serve_file)
        yield Route("/" + WORKER, self.serve_worker)
        for path, name in (("/", "search"), ("/login", "login"), ("/my", "my"), ("/docs", "docs")):
            yield Route(path, self._page(name))
        for name in ("offline", "styleguide"):
            yield Route(f"/{name}", self._page(name))
        is_bus: Callable[[str], bool] = lambda text: parse_bus(text) is not None  # noqa: E731 - a table of checks
        yield Route("/buses/{id}", self._page("bus", is_bus))
        yield Route("/embed/buses/{id}", self._page(_EMBEDDED, is_bus))
        is_owned: Callable[[str], bool] = lambda text: parse_owned(text) is not None  # noqa: E731 - a table of checks
        yield Route("/checkout/{id}", self._page("checkout", is_owned))
        yield Route("/pay/demo/{id}", self._page("demo_pay"))
        # Rooms are numbered as buses are.
        yield Route("/waiting/{id}", self._page("waiting", is_bus))
        yield Route("/kiosk", self._page("kiosk"))
        yield Route("/scan", self._page("scan"))
        # Stops are numbered as buses are.
        yield Route("/board/{id}", self._page("board", is_bus))
        # One shell for all of the sales floor: which view an address means, its own script knows.
        for path in ("/admin", "/admin/{rest:path}"):
            yield Route(path, self._page("admin"))
        yield Route("/bookings/{id}", self._page("booking", lambda text: is_ref(text.upper())))
        yield Route("/{path:path}", _Missing(self))

    async def serve_file(self, request: Request) -> Response:
        build, path = request.path_params["build"], request.path_params["path"]
        found = self._assets.find(build, path)
        if found is None:
            return Response(status_code=404)
        body, is_lasting = found
        response = _answer(request.headers, body, cache=FOR_EVER if is_lasting else _ASK_FIRST)
        if f"{build}/{path}".endswith(_LENT):
            response.headers["access-control-allow-origin"] = "*"
        return response

    async def serve_worker(self, request: Request) -> Response:
        """Serve the worker of this edition, at the root, because it may only see to pages below its own path."""
        response = _answer(request.headers, self._assets.worker, cache=_ASK_FIRST)
        response.headers["content-security-policy"] = "default-src 'none'; connect-src 'self'"
        return response

    def show(self, scope: Scope, name: str, *, status: int = 200) -> Response:
        """Return a page as this browser wants it: theme and language come with cookies, so that nothing flashes."""
        request = Request(scope)
        theme = request.cookies.get("theme", "")
        shell = self._assets.shell(name, _language_of(request))
        response = _answer(
            request.headers,
            self._body(shell, theme if theme in _THEMES else ""),
            cache=_ASK_FIRST,
            status=status,
        )
        response.headers["vary"] = "accept-encoding, accept-language, cookie"
        response.headers["content-language"] = shell.language
        response.headers["content-security-policy"] = self._policy(request, name)
        response.headers["permissions-policy"] = _PERMISSIONS
        if name in _MAPS and status == 200:
            response.headers["link"] = _asked_ahead(request)
        if self._providers and name in _TILLS:
            # Wallets ask from within the provider's frame, and banks in windows that have to find their way back.
            response.headers["permissions-policy"] = _PERMISSIONS.replace("payment=()", "payment=*")
            response.headers["cross-origin-opener-policy"] = "same-origin-allow-popups"
        return response

    def _page(self, name: str, is_possible: Callable[[str], bool] = lambda _: True) -> Handler:
        """Serve a shell; an id that cannot exist is answered by the page that says so."""

        async def page(request: Request) -> Response:
            if is_possible(request.path_params.get("id", "")):
                return self.show(request.scope, name)
            return self.show(request.scope, "missing", status=404)

        return page

    @staticmethod
    def _render(shell: Shell, theme: str) -> Body:
        html = shell.html
        if theme:
            html = html.replace("<html ", f'<html data-theme="{theme}" ', 1)
        return Body.of("text/html; charset=utf-8", html.encode())

    def _policy(self, request: Request, name: str) -> str:
        host = request.headers.get("host", "")
        scheme = "wss" if request.scope["scheme"] == "https" else "ws"
        # 'self' covers WebSockets in the standard, but not in every browser that is still around.
        socket = f" {scheme}://{host}" if _HOST.fullmatch(host) else ""
        policy = {
            "default-src": "'none'",
            "script-src": f"'self' '{self._assets.shell(name, _language_of(request)).import_map_hash}'",
            "style-src": "'self'",
            "img-src": "'self' data:",
            "connect-src": f"'self'{socket}",
            "manifest-src": "'self'",
            "form-action": "'self'",
            "base-uri": "'none'",
            "object-src": "'none'",
            "frame-ancestors": self._framed_by if name == _EMBEDDED else "'none'",
        }
        for provider in self._providers if name in _TILLS else ():
            for what, sources in provider.items():
                policy[what] = f"{policy.get(what, '')} {sources}".lstrip()
        return "; ".join(f"{what} {sources}" for what, sources in policy.items())


class _Missing:
    """What nobody serves: a page for people, a problem document for programs."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_person = "text/html" in Headers(scope=scope).get("accept", "")
        if is_person and scope["method"] in {"GET", "HEAD"}:
            await self._pages.show(scope, "missing", status=404)(scope, receive, send)
            return
        problem = HttpProblem(
            404, "not_found", "There is nothing here", "nobody serves this address"
        )
        await send_answer(send, problem_answer(problem, scope["omnibus.request_id"]))


def _asked_ahead(request: Request) -> str:
    """Return the header that has a browser ask for a bus and its seats while it still loads the scripts that will.

    What it asks for has to be, letter by letter, what they ask for; an odd leg is left to them.
    """
    bus = request.path_params["id"]
    leg = {_LEG[name]: request.query_params.get(name, "") for name in _LEG}
    named = {name: stop for name, stop in leg.items() if stop}
    paths = [f"/api/v1/buses/{bus}"]
    if all(_PLAIN_ID.fullmatch(stop) for stop in named.values()):
        paths.append(f"/api/v1/buses/{bus}/seats" + (f"?{urlencode(named)}" if named else ""))
    return ", ".join(f"<{path}>; rel=preload; as=fetch; crossorigin=anonymous" for path in paths)


def _language_of(request: Request) -> str:
    """Return the language that was chosen on a page of ours, or else what the browser would like best."""
    chosen = request.cookies.get("language", "")
    if chosen in LOCALES:
        return chosen
    return negotiate(request.headers.get("accept-language", "")) or DEFAULT


def _answer(headers: Headers, body: Body, *, cache: str, status: int = 200) -> Response:
    data, encoding = body.best(headers.get("accept-encoding", ""))
    # Each encoding is its own representation and needs its own strong tag.
    etag = f'{body.etag[:-1]}-{encoding}"' if encoding else body.etag
    common = {"etag": etag, "cache-control": cache, "vary": "accept-encoding"}
    if status == 200 and etag in {
        tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")
    }:
        return Response(status_code=304, headers=common)
    if encoding:
        common["content-encoding"] = encoding
    return Response(data, status, common, media_type=body.media)


def page_routes(
    *, methods: Collection[str] = (), embed_origins: Collection[str] = ()
) -> Iterable[BaseRoute]:
    """Read `static/` and return the routes of its pages.

    `methods` are those that can be paid by, whose providers' scripts may run where something is paid for; pages of
    `embed_origins` may show the seat map in a frame.
    """
    return Pages(Assets.read(), methods=methods, embed_origins=embed_origins).routes()
