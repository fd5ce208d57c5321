"""The pages as a server without a database would answer them: shells, files, caches, policy."""

import base64
import gzip
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from server.assets import FOLDER, Assets, BrokenAssets
from server.front import Front
from server.pages import page_routes
from server.proxies import Proxies

SHELL = (
    b"<!-- modules -->"
    b'<link rel="stylesheet" href="/static/css/a.css">'
    b'<script type="module" src="/static/js/a.js"></script>'
)
FILES = {
    "pages/a.html": SHELL,
    "css/a.css": b'@import "b.css";\na { color: red }',
    "css/b.css": b"b { color: blue }\n",
    "js/a.js": b'import { b } from "./deep/b.js";\nimport { h } from "preact";\nexport { b, h };',
    "js/deep/b.js": b'export { c as b } from "../c.js";',
    "js/c.js": b"// import { nothing } from 'here';\nexport const c = 1;",
    "vendor/preact/preact.mjs": b"export const h=1;",
}


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = Front(Starlette(routes=[*page_routes()]), proxies=Proxies(()))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://tickets.example") as client:
        yield client


def test_vendored_files_are_the_ones_that_were_reviewed() -> None:
    vendor = FOLDER / "vendor"
    lock = json.loads((vendor / "vendor.lock.json").read_text())
    listed = {path: digest for package in lock for path, digest in package["files"].items()}
    found = {
        path.relative_to(vendor).as_posix(): "sha384-"
        + base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()
        for path in vendor.rglob("*")
        if path.is_file() and path.name != "vendor.lock.json"
    }
    assert found == listed
    assert all(package["license"] for package in lock)


def test_the_package_lock_names_no_place_to_download_from() -> None:
    assert "resolved" not in (FOLDER.parent / "package-lock.json").read_text()


def test_a_page_preloads_each_of_its_modules_once() -> None:
    assets = Assets.read()
    for name, shell in assets.shells.items():
        preloaded = re.findall(r'rel="modulepreload" href="([^"]+)"', shell.html)
        assert len(preloaded) == len(set(preloaded)), name
        assert shell.html.index("importmap") < shell.html.index("modulepreload"), name
        assert f"{assets.url('js/pages/' + name)}.js" in preloaded


def test_imports_are_followed_wherever_they_lead_and_comments_are_not() -> None:
    assert Assets(FILES).modules_of("js/a.js") == [
        "js/a.js",
        "js/deep/b.js",
        "vendor/preact/preact.mjs",
        "js/c.js",
    ]


def test_imported_styles_arrive_in_one_file() -> None:
    assets = Assets(FILES)
    found = assets.find(assets.build, "css/a.css")
    assert found is not None
    assert found[0].plain == b"b { color: blue }\na { color: red }"


def test_no_class_of_the_sales_floor_is_styled_by_two_of_its_sheets() -> None:
    """The sheets of different teams: what one says of a bare class must not reach the views of another."""
    shell = (FOLDER / "pages/admin.html").read_text()
    owners: dict[str, set[str]] = {}
    for sheet in re.findall(r'href="/static/(css/[a-z]+\.css)"', shell):
        text, _, _ = (FOLDER / sheet).read_text().partition("@media print")
        for selectors in re.findall(r"^ +([^@{}/*]+){", text, re.MULTILINE):
            for bare in re.findall(r"(?:^|,)\s*\.([a-z-]+)\s*(?=,|$)", selectors):
                owners.setdefault(bare, set()).add(sheet)
    assert {bare: sheets for bare, sheets in owners.items() if len(sheets) > 1} == {}


def test_any_change_of_any_file_is_another_build() -> None:
    changed = {**FILES, "js/c.js": b"export const c = 2;"}
    assert Assets(FILES).build == Assets(dict(reversed(FILES.items()))).build
    assert Assets(FILES).build != Assets(changed).build


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("js/c.js", b'import "./gone.js";'),
        ("js/c.js", b'import { x } from "left-pad";'),
        ("css/b.css", b'@import "gone.css";'),
        ("pages/a.html", SHELL.replace(b"a.css", b"gone.css")),
        ("pages/a.html", SHELL.replace(b"<!-- modules -->", b"")),
    ],
)
def test_a_name_that_leads_nowhere_stops_the_start(path: str, text: bytes) -> None:
    with pytest.raises(BrokenAssets):
        Assets({**FILES, path: text})


async def test_a_file_is_kept_for_ever_only_under_its_own_build(client: httpx2.AsyncClient) -> None:
    url = Assets.read().url("js/core/seats.js")
    fresh = await client.get(url)
    assert fresh.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert fresh.headers["content-type"] == "text/javascript; charset=utf-8"
    stale = await client.get("/static/0123456789ab/js/core/seats.js")
    assert (stale.text, stale.headers["cache-control"]) == (fresh.text, "no-cache")
    assert (await client.get("/static/js/core/seats.js")).text == fresh.text
    for path in ("js/gone.js", "pages/bus.html", "../pyproject.toml", "js/api.d.ts"):
        assert (await client.get(f"/static/0123456789ab/{path}")).status_code == 404


async def test_every_encoding_has_its_own_tag(client: httpx2.AsyncClient) -> None:
    url = Assets.read().url("css/app.css")
    packed = await client.get(url, headers={"accept-encoding": "gzip"})
    plain = await client.get(url, headers={"accept-encoding": "gzip;q=0, identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert packed.headers["etag"] != plain.headers["etag"]
    again = await client.get(
        url, headers={"accept-encoding": "gzip", "if-none-match": packed.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


async def test_a_page_allows_its_import_map_and_no_other_inline_script(
    client: httpx2.AsyncClient,
) -> None:
    page = await client.get("/buses/1")
    policy = page.headers["content-security-policy"]
    inline = re.findall(r"<script[^>]*>([^<]+)</script>", page.text)
    assert len(inline) == 1
    digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "connect-src 'self' ws://tickets.example;" in policy
    assert "unsafe" not in policy
    assert " style=" not in page.text
    assert not re.search(r"\son\w+=", page.text)


async def test_a_host_that_is_none_never_reaches_the_policy(client: httpx2.AsyncClient) -> None:
    page = await client.get("/", headers={"host": "x; script-src *"})
    assert "script-src *" not in page.headers["content-security-policy"]


async def test_the_theme_cookie_is_written_into_the_page_and_nothing_else_is(
    client: httpx2.AsyncClient,
) -> None:
    dark = await client.get("/", headers={"cookie": "theme=dark"})
    assert '<html data-theme="dark" lang="en"' in dark.text
    odd = await client.get("/", headers={"cookie": 'theme="><script>'})
    assert "data-theme" not in odd.text
    assert "cookie" in dark.headers["vary"]


@pytest.mark.parametrize("path", ["/buses/x", "/buses/0", "/bookings/!", "/checkout/1", "/gone"])
async def test_what_cannot_exist_is_a_page_for_people_and_a_problem_for_programs(
    client: httpx2.AsyncClient, path: str
) -> None:
    page = await client.get(path, headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "<html" in page.text
    problem = await client.get("/gone", headers={"accept": "application/json"})
    assert problem.headers["content-type"] == "application/problem+json"
    assert problem.json()["code"] == "not_found"


def test_what_is_packed_is_what_was_written() -> None:
    assets = Assets.read()
    for path in ("js/pages/bus.js", "css/app.css", "vendor/lucide/icons.svg"):
        found = assets.find(assets.build, path)
        assert found is not None
        assert gzip.decompress(found[0].encoded["gzip"]) == found[0].plain


def test_comments_stay_behind_and_lines_keep_their_places() -> None:
    source = b"""// Above.
import { a } from "./a.js"; // beside
/** Said of b,
 * in two lines. */
export const b = /** @type {any} */ (a);
const c = [
  /** @type {any} */ (a),
  "// no comment",
];
/** @type {number} */
export const d = 1;
"""
    assets = Assets({"js/b.js": source})
    found = assets.find(assets.build, "js/b.js")
    assert found is not None
    assert found[0].plain.decode().split("\n") == [
        "",
        'import { a } from "./a.js"; // beside',
        "",
        "",
        "export const b = /** @type {any} */ (a);",
        "const c = [",
        "  /** @type {any} */ (a),",
        '  "// no comment",',
        "];",
        "",
        "export const d = 1;",
        "",
    ]


def test_what_is_left_of_every_script_is_still_one(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    assets = Assets.read()
    for path in assets.paths():
        found = assets.find(assets.build, path)
        if path.endswith(".js") and found is not None:
            target = tmp_path / f"{path}.mjs"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(found[0].plain)
    check = "for (const path of process.argv.slice(1)) new vm.SourceTextModule(fs.readFileSync(path, 'utf8'))"
    ran = subprocess.run(  # noqa: S603 - our own files
        [node, "--experimental-vm-modules", "--no-warnings", "-e", check, *tmp_path.rglob("*.mjs")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""


def test_no_script_or_style_is_longer_than_the_house_allows() -> None:
    long = [
        path.relative_to(FOLDER).as_posix()
        for path in Path(FOLDER).rglob("*")
        if path.suffix in {".js", ".css"}
        and not {"vendor", "i18n"}
        & {*path.parts}  # what others wrote; what is said is as long as it is
        and len(path.read_text().splitlines()) > (300 if path.suffix == ".js" else 400)
    ]
    assert long == []
