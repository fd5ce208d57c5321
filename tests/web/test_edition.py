import gzip
import hashlib
import json
from base64 import b64encode
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from server.assets import Assets
from tests.cli.commands import omnibus


def test_an_edition_for_a_cdn_has_every_file_that_pages_name_and_says_what_it_is(
    tmp_path: Path,
) -> None:
    ran = omnibus("static", "build", "--out", tmp_path, "--json")
    assert (ran.code, ran.err) == (0, "")
    assets = Assets.read()
    listed = json.loads((tmp_path / "edition.json").read_text())
    assert ran.json["build"] == listed["build"] == assets.build
    home = tmp_path / listed["prefix"].strip("/")
    written = {
        path.relative_to(home).as_posix()
        for path in home.rglob("*")
        if path.is_file() and path.suffix not in {".gz", ".br"}
    }
    assert written == set(listed["files"]) == set(assets.paths())
    assert ran.json["files"] == len(written) > 80
    for path, told in listed["files"].items():
        plain = (home / path).read_bytes()
        digest = b64encode(hashlib.sha384(plain).digest()).decode()
        assert (told["bytes"], told["integrity"]) == (len(plain), f"sha384-{digest}"), path
        if "gzip" in told["encodings"]:
            assert gzip.decompress((home / f"{path}.gz").read_bytes()) == plain, path
        if "br" in told["encodings"]:
            packed = (home / f"{path}.br").read_bytes()
            unpacked = import_module("brotli").decompress(packed)
            assert (unpacked, len(packed)) == (plain, told["encodings"]["br"]), path
    # Brotli takes half a second at every start, so that tests do without; where it is, it is used.
    encodings = {"gzip", "br"} if find_spec("brotli") else {"gzip"}
    assert {*listed["files"]["css/app.css"]["encodings"]} == encodings
    assert listed["files"]["js/core/text.js"]["media_type"] == "text/javascript; charset=utf-8"


def test_other_editions_in_the_folder_stay(tmp_path: Path) -> None:
    old = tmp_path / "static" / "0123456789ab" / "js" / "gone.js"
    old.parent.mkdir(parents=True)
    old.write_text("old")
    ran = omnibus("static", "build", "--out", tmp_path)
    assert ran.code == 0
    assert f"files of edition {Assets.read().build}" in ran.out
    assert old.read_text() == "old"
