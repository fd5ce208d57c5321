"""Which language a page is served in, where its sentences come from, and what English stands in for."""

import json
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette

from server.assets import FOLDER, Assets
from server.front import Front
from server.languages import LOCALES
from server.pages import page_routes
from server.proxies import Proxies
from server.sentences import completed, entries
from tests.web.test_assets import FILES

RIDERS = ("search", "bus", "checkout", "booking", "my", "login", "missing", "demo_pay", "waiting")
_LEFT_OR_RIGHT = re.compile(
    r"""(?:^|[;{\s])(?:left|right)\s*:            # a place
    |(?:margin|padding|border|inset)-(?:left|right)\b
    |text-align:\s*(?:left|right)|float:\s*(?:left|right)|border-(?:top|bottom)-(?:left|right)-radius""",
    re.VERBOSE,
)
_FOUR_SIDES = re.compile(r"(?:margin|padding):\s*([^;{}]+);")


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    app = Front(Starlette(routes=[*page_routes()]), proxies=Proxies(()))
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://tickets.example") as client:
        yield client


@pytest.mark.parametrize(
    ("cookie", "accepted", "language", "direction"),
    [
        ("", "", "en", "ltr"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de", "ltr"),
        ("", "fr,en;q=0.2,es;q=0.7", "es", "ltr"),
        ("", "ar;q=0,hi;q=0.1", "hi", "ltr"),
        ("language=ar", "de", "ar", "rtl"),
        ("language=fr", "de", "de", "ltr"),
        ('language="><script>', "zz", "en", "ltr"),
    ],
)
async def test_a_page_comes_in_the_language_that_was_chosen_or_else_in_the_browsers(
    client: httpx2.AsyncClient, cookie: str, accepted: str, language: str, direction: str
) -> None:
    page = await client.get("/", headers={"cookie": cookie, "accept-language": accepted})
    assert f'<html lang="{language}" dir="{direction}">' in page.text
    assert page.headers["content-language"] == language
    assert {"accept-language", "cookie"} <= {*page.headers["vary"].split(", ")}
    assert "<script>" not in page.text.replace('<script type="', "")


async def test_each_language_is_a_page_of_its_own_to_caches(client: httpx2.AsyncClient) -> None:
    answers = [
        await client.get("/my", headers={"cookie": f"language={language}"}) for language in LOCALES
    ]
    assert len({answer.headers["etag"] for answer in answers}) == len(LOCALES)
    known = {"if-none-match": answers[1].headers["etag"]}
    again = await client.get("/my", headers={"cookie": f"language={LOCALES[1]}", **known})
    other = await client.get("/my", headers={"cookie": f"language={LOCALES[2]}", **known})
    assert (again.status_code, other.status_code) == (304, 200)


@pytest.mark.parametrize("language", LOCALES[1:])
@pytest.mark.parametrize("name", RIDERS)
def test_a_riders_page_loads_sentences_of_its_language_only(name: str, language: str) -> None:
    assets = Assets.read()
    shell = assets.shell(name, language)
    assert shell.language == language, "some of its sentences are not translated at all"
    (text,) = re.findall(r'<script type="importmap">(.+)</script>', shell.html)
    imports: dict[str, str] = json.loads(text)["imports"]
    preloaded = re.findall(r'rel="modulepreload" href="([^"]+)"', shell.html)
    assert imports["messages"] == assets.url(f"i18n/{language}.js")
    assert [
        path for path in preloaded if "/i18n/" in path and f"/i18n/{language}" not in path
    ] == []
    assert imports["messages"] in preloaded


@pytest.mark.parametrize("language", LOCALES)
def test_a_seat_map_is_light_in_every_language(language: str) -> None:
    assets = Assets.read()
    modules = assets.modules_of("js/pages/bus.js", language)
    found = {path: assets.find(assets.build, path) for path in modules}
    sizes = {
        path: len(each[0].encoded.get("gzip", each[0].plain))
        for path, each in found.items()
        if each
    }
    assert sum(sizes.values()) <= 45_000, sizes
    # Beside its modules it asks for itself, two styles, icons, the bus and its seats.
    assert len(modules) + 6 <= 25


def test_a_page_whose_sentences_a_language_lacks_is_english_throughout() -> None:
    html = b'<html lang="en" dir="ltr"><!-- modules --><script type="module" src="/static/js/a.js">'
    files = {
        **FILES,
        "pages/a.html": html,
        "js/a.js": b'import words from "messages/account";',
        "i18n/en/account.js": b"export default {};",
        "i18n/ar/account.js": b"export default {};",
    }
    assets = Assets(files)
    assert '<html lang="ar" dir="rtl">' in assets.shell("a", "ar").html
    german = assets.shell("a", "de")
    assert (german.language, german.html) == ("en", assets.shell("a", "en").html)


def test_a_sentence_that_is_not_translated_yet_is_said_in_english() -> None:
    english = b"""export default {
  // A remark.
  plain: "One",
  "dotted.key": {
    one: "{count} two",
    other: "{count} twos",
  },

  "long.key":
    "Three };",
};
"""
    own = b'export default {\n  plain: "Eins",\n};\n'
    assert [*entries(english)] == [b"plain", b"dotted.key", b"long.key"]
    whole = completed(own, english)
    assert [*entries(whole)] == [b"plain", b"dotted.key", b"long.key"]
    assert b'"Eins"' in whole
    assert b'"One"' not in whole
    assert b'one: "{count} two"' in whole
    assert completed(english, own) == english


def test_styles_know_beginnings_and_ends_not_left_and_right() -> None:
    faults = []
    for path in sorted((FOLDER / "css").glob("*.css")):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        faults += [f"{path.name}: {found[0].strip()}" for found in _LEFT_OR_RIGHT.finditer(text)]
        for found in _FOUR_SIDES.finditer(text):
            sides = re.findall(r"(?:\([^()]*(?:\([^()]*\)[^()]*)*\)|[^\s()])+", found[1])
            if len(sides) == 4 and sides[1] != sides[3]:
                faults.append(f"{path.name}: {found[0]}")
    assert faults == []
