"""What browsers load: `static/` read once, named by its content, compressed ahead, linked into the page shells.

There is no build step. A browser gets the files as they were written, less comments, under `/static/<build>/...`, where
the build id is a digest of all of them: whatever a page names can be kept for ever, and no page mixes two editions.
"""

import gzip
import mimetypes
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b, sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Self

import msgspec

from server.languages import DEFAULT, LOCALES, RIGHT_TO_LEFT
from server.sentences import completed

FOLDER = Path(__file__).resolve().parent.parent / "static"
PREFIX = "/static"
SHELLS = "pages"
WORKER = "sw.js"
FOR_EVER = "public, max-age=31536000, immutable"
# Bare names that modules import. `messages` and what lies below are sentences, here in English: a page in German gets
# `i18n/de.js` and `i18n/de/account.js` by the same names.
MODULES = {
    "preact": "vendor/preact/preact.mjs",
    "preact/hooks": "vendor/preact/hooks.mjs",
    "htm": "vendor/htm/htm.mjs",
    "@preact/signals": "vendor/signals/signals.mjs",
    "@preact/signals-core": "vendor/signals-core/signals-core.mjs",
    "uplot": "vendor/uplot/uplot.mjs",
    "messages": "i18n/en.js",
    "messages/account": "i18n/en/account.js",
    "messages/admin": "i18n/en/admin.js",
    "messages/board": "i18n/en/board.js",
    "messages/catalogue": "i18n/en/catalogue.js",
    "messages/counter": "i18n/en/counter.js",
    "messages/demo_pay": "i18n/en/demo_pay.js",
    "messages/floor": "i18n/en/floor.js",
    "messages/house": "i18n/en/house.js",
    "messages/kiosk": "i18n/en/kiosk.js",
    "messages/layouts": "i18n/en/layouts.js",
    "messages/offline": "i18n/en/offline.js",
    "messages/scan": "i18n/en/scan.js",
    "messages/search": "i18n/en/search.js",
    "messages/styleguide": "i18n/en/styleguide.js",
    "messages/ticket": "i18n/en/ticket.js",
    "messages/waiting": "i18n/en/waiting.js",
}
_IMPORT = re.compile(
    rb"""^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']""",
    re.MULTILINE,
)
_MINIFIED_IMPORT = re.compile(rb"""\bfrom["']([^"']+)["']""")
# Comments that have their lines to themselves. Biome writes them so, and nobody begins a line of a template with one.
_COMMENT = re.compile(rb"^[ \t]*(?://.*|/\*\*(?:(?!\*/)[\s\S])*\*/[ \t]*)$", re.MULTILINE)
_STYLE_IMPORT = re.compile(rb'^@import "([^"]+)";$', re.MULTILINE)
_ENTRY = re.compile(r'<script type="module" src="/static/([^"]+)"')
_MODULES_HERE = "<!-- modules -->"
_ENGLISH = re.compile(r"i18n/en(?P<area>/[^/]+)?\.js")
_ROOT = f'<html lang="{DEFAULT}" dir="ltr"'
_MANIFEST = "manifest.webmanifest"
_TOUCH_ICON = "icons/touch-180.png"
_EDITION = b'BUILD = "edition"'
_MEDIA = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
_PACKED_WORTH_BYTES = 200


class BrokenAssets(Exception):
    """A module or a shell names a file that is not there."""


@dataclass(frozen=True, slots=True)
class Body:
    """One text or picture in every encoding it is served in."""

    media: str
    plain: bytes
    encoded: Mapping[str, bytes]
    etag: str

    @classmethod
    def of(cls, media: str, plain: bytes) -> Self:
        worth = media.startswith(("text/", "application/", "image/svg"))
        packed = {name: pack(plain) for name, pack in _PACKERS.items()} if worth else {}
        smaller = {
            name: data
            for name, data in packed.items()
            if len(data) + _PACKED_WORTH_BYTES < len(plain)
        }
        return cls(media, plain, smaller, f'"{blake2b(plain, digest_size=9).hexdigest()}"')

    def best(self, accepted: str) -> tuple[bytes, str | None]:
        """Return the bytes for an Accept-Encoding header, and the name of their encoding."""
        offers = {
            part.partition(";")[0].strip().lower(): part.partition(";")[2].replace(" ", "")
            for part in accepted.split(",")
        }
        for name, data in self.encoded.items():
            if name in offers and offers[name] not in {"q=0", "q=0.0"}:
                return data, name
        return self.plain, None


@dataclass(frozen=True, slots=True)
class Shell:
    """A page before anything was asked: HTML, its language, and the digest that lets its import map run."""

    html: str
    import_map_hash: str
    language: str


class Assets:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        digest = blake2b(digest_size=6)
        for path in sorted(files):
            digest.update(path.encode() + b"\0" + files[path] + b"\0")
        self.build = digest.hexdigest()
        self._sources = {path: _whole(path, files) for path in files}
        self._imported: dict[str, list[str]] = {}
        self._bodies = {
            path: Body.of(media_type(path), self._served(path, data))
            for path, data in self._sources.items()
            if not path.startswith(f"{SHELLS}/")
        }
        # It is an edition's own, so that a browser sees that there is another one.
        worker = self._served(WORKER, self._sources.get(WORKER, b"")).replace(
            _EDITION, f'BUILD = "{self.build}"'.encode()
        )
        self.worker = Body.of(media_type(WORKER), worker)
        self._shells: dict[tuple[str, str], Shell] = {
            (PurePosixPath(path).stem, language): self._shell(path, data.decode(), language)
            for path, data in files.items()
            if path.startswith(f"{SHELLS}/")
            for language in LOCALES
        }
        self.shells = {
            name: shell for (name, spoken), shell in self._shells.items() if spoken == DEFAULT
        }

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Self:
        """Read every file of a folder; raise BrokenAssets when a page could not load what it names."""
        return cls(
            {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in sorted(folder.rglob("*"))
                if path.is_file() and not path.name.endswith(".d.ts")
            }
        )

    def find(self, build: str, path: str) -> tuple[Body, bool] | None:
        """Return a file and whether it may be kept for ever: only under the name of its own build."""
        for name in (path, f"{build}/{path}"):
            if name in self._bodies:
                return self._bodies[name], build == self.build and name == path
        return None

    def url(self, path: str) -> str:
        return f"{PREFIX}/{self.build}/{path}"

    def paths(self) -> list[str]:
        """Return every file that browsers may ask for."""
        return list(self._bodies)

    def shell(self, name: str, language: str) -> Shell:
        """Return a page in a language; in English as long as that language lacks sentences of its own for the page."""
        return self._shells[name, language]

    def modules_of(self, entry: str, language: str = DEFAULT) -> list[str]:
        """Return everything a module needs before it can run, itself first, in the order it is found."""
        found = [entry]
        for path in found:
            imported = [self._in(language, name) for name in self._imports(path)]
            found += [name for name in dict.fromkeys(imported) if name not in found]
        return found

    def _in(self, language: str, path: str) -> str:
        """Return the file that says in a language what this one says in English, if there is one."""
        sentences = _ENGLISH.fullmatch(path)
        if sentences is None:
            return path
        other = f"i18n/{language}{sentences['area'] or ''}.js"
        return other if other in self._sources else path

    def _served(self, path: str, data: bytes) -> bytes:
        """Return a file as browsers get it: what is written, less what only people read.

        Comments, types among them, are a sixth of what a phone would wait for. Every line stays in its place, so that
        what a browser says of line 40 is about line 40.
        """
        if path.endswith(".js"):
            return _COMMENT.sub(lambda found: b"\n" * found[0].count(b"\n"), data)
        return self._with_styles(path, data) if path.endswith(".css") else data

    def _with_styles(self, path: str, data: bytes) -> bytes:
        """Put imported style sheets in place of their imports: a browser would ask for one after the other."""
        return _STYLE_IMPORT.sub(
            lambda found: self._source(_resolve(path, found[1].decode())).rstrip(), data
        )

    def _source(self, path: str) -> bytes:
        source = self._sources.get(path)
        if source is None:
            raise BrokenAssets(f"static/{path} is missing")
        return source

    def _imports(self, path: str) -> list[str]:
        # Many pages in many languages ask for the same few modules.
        if path not in self._imported:
            self._imported[path] = list(self._read_imports(path))
        return self._imported[path]

    def _read_imports(self, path: str) -> Iterator[str]:
        pattern = _MINIFIED_IMPORT if path.startswith("vendor/") else _IMPORT
        for found in pattern.finditer(self._source(path)):
            name = next(group for group in found.groups() if group).decode()
            if name.startswith("."):
                yield _resolve(path, name)
            elif name in MODULES:
                yield MODULES[name]
            else:
                raise BrokenAssets(f"static/{path} imports {name}, which the import map lacks")

    def _shell(self, path: str, html: str, language: str) -> Shell:
        entries = _ENTRY.findall(html)
        modules = [*dict.fromkeys(m for entry in entries for m in self.modules_of(entry, language))]
        if language != DEFAULT and any(map(_ENGLISH.fullmatch, modules)):
            # Half of a page in another language is worse than all of it in one, for those who hear it most of all.
            return self._shell(path, html, DEFAULT)
        import_map = msgspec.json.encode(
            {
                "imports": {
                    name: self.url(self._in(language, module)) for name, module in MODULES.items()
                }
            }
        ).decode()
        # The map comes first: after the first module has been named it would be too late. And never
        # as a Link header, which makes Firefox ignore the map.
        links = [f'<link rel="modulepreload" href="{self.url(module)}">' for module in modules]
        if _TOUCH_ICON in self._sources:
            links.append(f'<link rel="apple-touch-icon" href="{self.url(_TOUCH_ICON)}">')
        head = "\n".join([f'<script type="importmap">{import_map}</script>', *links])
        if _MODULES_HERE not in html:
            raise BrokenAssets(f"static/{path} has no {_MODULES_HERE}")
        spoken = self._spoken(html, language)
        for named in re.findall(r'"/static/([^"#]+)', spoken):
            if named not in self._sources:
                raise BrokenAssets(f"static/{path} names {named}, which is not there")
        linked = spoken.replace('"/static/', f'"{self.url("")}').replace(_MODULES_HERE, head)
        digest = b64encode(sha256(import_map.encode()).digest()).decode()
        return Shell(linked, f"sha256-{digest}", language)

    def _spoken(self, html: str, language: str) -> str:
        """Say at the root which language this is. What is said without JavaScript is in English, and says so, too."""
        if language == DEFAULT:
            return html
        direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
        manifest = f"i18n/{language}/{_MANIFEST}"
        if manifest in self._sources:
            html = html.replace(f'"/static/{_MANIFEST}"', f'"/static/{manifest}"')
        return html.replace(_ROOT, f'<html lang="{language}" dir="{direction}"', 1).replace(
            "<noscript>", f'<noscript lang="{DEFAULT}" dir="ltr">'
        )


def media_type(path: str) -> str:
    suffix = PurePosixPath(path).suffix
    return _MEDIA.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")


def _whole(path: str, files: Mapping[str, bytes]) -> bytes:
    """Return a file; sentences of other languages with the English ones where they lack some."""
    language, _, area = path.removeprefix("i18n/").removesuffix(".js").partition("/")
    english = f"i18n/{DEFAULT}{'/' if area else ''}{area}.js"
    if not path.startswith("i18n/") or language == DEFAULT or english not in files:
        return files[path]
    return completed(files[path], files[english])


def _resolve(importer: str, name: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(importer).parent / name).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _packers() -> dict[str, Callable[[bytes], bytes]]:
    packers: dict[str, Callable[[bytes], bytes]] = {}
    if find_spec("brotli") is not None:  # used where it is installed, asked of nobody
        packers["br"] = import_module("brotli").compress
    packers["gzip"] = lambda data: gzip.compress(data, 9, mtime=0)
    return packers


_PACKERS = _packers()
