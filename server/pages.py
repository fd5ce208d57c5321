"""The pages: one shell of HTML each, the same for everyone; what it shows comes from the API.

A shell is known as soon as the process starts, so a page costs no query, and its security policy can be strict: no
script runs but our files and the import map, which is named by its digest.
"""

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from server.assets import PREFIX, Assets, Body
from server.contract import problem_answer, send_answer
from server.problems import HttpProblem
from store.ids import is_ref, parse_bus, parse_owned

_HOST = re.compile(r"[A-Za-z0-9.\-:\[\]]{1,253}")
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_FIRST = "no-cache"
# Scanners read tickets by the camera; nothing else of a device is asked for.
_PERMISSIONS = (
    "camera=(self), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
)
_THEMES = frozenset({"light", "dark"})

Handler = Callable[[Request], Awaitable[Response]]


class Pages:
    """Answers for shells and files of one edition of `static/`."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        # Few enough to keep all: every shell in every theme.
        self._body = lru_cache(maxsize=None)(self._render)

    def routes(self) -> Iterable[BaseRoute]:
        """Every page there is. The last route takes all other paths, so these belong at the end of the table."""
        yield Route(PREFIX + "/{build}/{path:path}", self.serve_file)
        for path, name in (("/", "search"), ("/login", "login"), ("/my", "my"), ("/docs", "docs")):
            yield Route(path, self._page(name))
        yield Route("/buses/{id}", self._page("bus", lambda text: parse_bus(text) is not None))
        is_owned: Callable[[str], bool] = lambda text: parse_owned(text) is not None  # noqa: E731 - a table of checks
        yield Route("/checkout/{id}", self._page("checkout", is_owned))
        yield Route("/bookings/{id}", self._page("booking", lambda text: is_ref(text.upper())))
        yield Route("/{path:path}", _Missing(self))

    async def serve_file(self, request: Request) -> Response:
        found = self._assets.find(request.path_params["build"], request.path_params["path"])
        if found is None:
            return Response(status_code=404)
        body, is_lasting = found
        return _answer(request.headers, body, cache=_FOR_EVER if is_lasting else _ASK_FIRST)

    def show(self, scope: Scope, name: str, *, status: int = 200) -> Response:
        """Return a page as this browser wants it: its theme comes with a cookie, so that nothing flashes."""
        request = Request(scope)
        theme = request.cookies.get("theme", "")
        response = _answer(
            request.headers,
            self._body(name, theme if theme in _THEMES else ""),
            cache=_ASK_FIRST,
            status=status,
        )
        response.headers["vary"] = "accept-encoding, cookie"
        response.headers["content-security-policy"] = self._policy(request, name)
        response.headers["permissions-policy"] = _PERMISSIONS
        return response

    def _page(self, name: str, is_possible: Callable[[str], bool] = lambda _: True) -> Handler:
        """Serve a shell; an id that cannot exist is answered by the page that says so."""

        async def page(request: Request) -> Response:
            if is_possible(request.path_params.get("id", "")):
                return self.show(request.scope, name)
            return self.show(request.scope, "missing", status=404)

        return page

    def _render(self, name: str, theme: str) -> Body:
        html = self._assets.shells[name].html
        if theme:
            html = html.replace("<html ", f'<html data-theme="{theme}" ', 1)
        return Body.of("text/html; charset=utf-8", html.encode())

    def _policy(self, request: Request, name: str) -> str:
        host = request.headers.get("host", "")
        scheme = "wss" if request.scope["scheme"] == "https" else "ws"
        # 'self' covers WebSockets in the standard, but not in every browser that is still around.
        socket = f" {scheme}://{host}" if _HOST.fullmatch(host) else ""
        return "; ".join(
            (
                "default-src 'none'",
                f"script-src 'self' '{self._assets.shells[name].import_map_hash}'",
                "style-src 'self'",
                "img-src 'self' data:",
                f"connect-src 'self'{socket}",
                "manifest-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "object-src 'none'",
                "frame-ancestors 'none'",
            )
        )


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


def page_routes() -> Iterable[BaseRoute]:
    """Read `static/` and return the routes of its pages."""
    return Pages(Assets.read()).routes()
