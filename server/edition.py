"""One edition of `static/` as files, for a web server or a CDN that answers `/static/` without us."""

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import msgspec

from server.assets import FOR_EVER, PREFIX, Assets

LIST = "edition.json"
_SUFFIXES = {"gzip": ".gz", "br": ".br"}


class EditionFile(msgspec.Struct, frozen=True):
    """A file as it is; `encodings` are the sizes of what lies packed beside it."""

    bytes: int
    media_type: str
    integrity: str
    encodings: Mapping[str, int]


class Edition(msgspec.Struct, frozen=True):
    """What lies in a folder: paths below `prefix`, each to be kept by whoever gets it as `cache_control` says."""

    build: str
    prefix: str
    cache_control: str
    files: Mapping[str, EditionFile]


def write_edition(assets: Assets, folder: Path) -> Edition:
    """Write all files under the paths that pages name, packed ones beside them, and the list of it all at the end.

    Files of other editions stay: pages that are open want them still.
    """
    home = folder / PREFIX.strip("/") / assets.build
    files: dict[str, EditionFile] = {}
    for path in assets.paths():
        found = assets.find(assets.build, path)
        assert found is not None, "it was listed a moment ago"
        body, _ = found
        target = home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body.plain)
        for encoding, data in body.encoded.items():
            target.with_name(target.name + _SUFFIXES[encoding]).write_bytes(data)
        digest = b64encode(hashlib.sha384(body.plain).digest()).decode()
        files[path] = EditionFile(
            bytes=len(body.plain),
            media_type=body.media,
            integrity=f"sha384-{digest}",
            encodings={name: len(data) for name, data in body.encoded.items()},
        )
    edition = Edition(assets.build, f"{PREFIX}/{assets.build}/", FOR_EVER, files)
    listed = msgspec.json.format(msgspec.json.encode(edition, order="sorted"), indent=2)
    (folder / LIST).write_bytes(listed + b"\n")
    return edition
