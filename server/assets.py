"""What browsers load: `static/` read once, named by its content, compressed ahead, linked into the page shells.

There is no build step. A browser gets the files as they were written, under `/static/<build>/...` where the build id
is a digest of all of them: whatever a page names can be kept for ever, and no page mixes two editions.
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

FOLDER = Path(__file__).resolve().parent.parent / "static"
PREFIX = "/static"
SHELLS = "pages"
# Bare names that modules import. `messages` and what lies below are those that a language decides.
MODULES = {
    "preact": "vendor/preact/preact.mjs",
    "preact/hooks": "vendor/preact/hooks.mjs",
    "htm": "vendor/htm/htm.mjs",
    "@preact/signals": "vendor/signals/signals.mjs",
    "@preact/signals-core": "vendor/signals-core/signals-core.mjs",
    "messages": "i18n/en.js",
    "messages/account": "i18n/en/account.js",
}
_IMPORT = re.compile(
    rb"""^\s*(?:import|export)\b[^"';]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']""",
    re.MULTILINE,
)
_MINIFIED_IMPORT = re.compile(rb"""\bfrom["']([^"']+)["']""")
_STYLE_IMPORT = re.compile(rb'^@import "([^"]+)";$', re.MULTILINE)
_ENTRY = re.compile(r'<script type="module" src="/static/([^"]+)"')
_MODULES_HERE = "<!-- modules -->"
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
    """A page before anything was asked: HTML, and the digest that lets its import map run."""

    html: str
    import_map_hash: str


class Assets:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        digest = blake2b(digest_size=6)
        for path in sorted(files):
            digest.update(path.encode() + b"\0" + files[path] + b"\0")
        self.build = digest.hexdigest()
        self._sources = files
        self._bodies = {
            path: Body.of(media_type(path), self._with_styles(path, data))
            for path, data in files.items()
            if not path.startswith(f"{SHELLS}/")
        }
        self.shells = {
            PurePosixPath(path).stem: self._shell(path, data.decode())
            for path, data in files.items()
            if path.startswith(f"{SHELLS}/")
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

    def modules_of(self, entry: str) -> list[str]:
        """Return everything a module needs before it can run, itself first, in the order it is found."""
        found = [entry]
        for path in found:
            found += [name for name in dict.fromkeys(self._imports(path)) if name not in found]
        return found

    def _with_styles(self, path: str, data: bytes) -> bytes:
        """Put imported style sheets in place of their imports: a browser would ask for one after the other."""
        if not path.endswith(".css"):
            return data
        return _STYLE_IMPORT.sub(
            lambda found: self._source(_resolve(path, found[1].decode())).rstrip(), data
        )

    def _source(self, path: str) -> bytes:
        source = self._sources.get(path)
        if source is None:
            raise BrokenAssets(f"static/{path} is missing")
        return source

    def _imports(self, path: str) -> Iterator[str]:
        pattern = _MINIFIED_IMPORT if path.startswith("vendor/") else _IMPORT
        for found in pattern.finditer(self._source(path)):
            name = next(group for group in found.groups() if group).decode()
            if name.startswith("."):
                yield _resolve(path, name)
            elif name in MODULES:
                yield MODULES[name]
            else:
                raise BrokenAssets(f"static/{path} imports {name}, which the import map lacks")

    def _shell(self, path: str, html: str) -> Shell:
        import_map = msgspec.json.encode(
            {"imports": {name: self.url(module) for name, module in MODULES.items()}}
        ).decode()
        modules = dict.fromkeys(
            module for entry in _ENTRY.findall(html) for module in self.modules_of(entry)
        )
        # The map comes first: after the first module has been named it would be too late. And never
        # as a Link header, which makes Firefox ignore the map.
        links = [f'<link rel="modulepreload" href="{self.url(module)}">' for module in modules]
        head = "\n".join([f'<script type="importmap">{import_map}</script>', *links])
        if _MODULES_HERE not in html:
            raise BrokenAssets(f"static/{path} has no {_MODULES_HERE}")
        for named in re.findall(r'"/static/([^"#]+)', html):
            if named not in self._sources:
                raise BrokenAssets(f"static/{path} names {named}, which is not there")
        linked = html.replace('"/static/', f'"{self.url("")}').replace(_MODULES_HERE, head)
        digest = b64encode(sha256(import_map.encode()).digest()).decode()
        return Shell(linked, f"sha256-{digest}")


def media_type(path: str) -> str:
    suffix = PurePosixPath(path).suffix
    return _MEDIA.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")


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
