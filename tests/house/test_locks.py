"""What gets installed is pinned by digest, and no lock file says where it is to be fetched from."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
_PINNED = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>\S+)(?: ; (?P<marker>[^\\]+))?")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def test_every_set_of_requirements_has_its_lock() -> None:
    assert [path.stem for path in LOCKS] == ["brokers", "check", "run", "test"]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_every_requirement_is_one_version_with_its_hashes(path: Path) -> None:
    lines = path.read_text().replace("\\\n", " ").splitlines()
    requirements = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert requirements
    for line in requirements:
        pin, *hashes = re.split(r"\s+(?=--hash)", line.strip())
        assert _PINNED.fullmatch(pin.strip()), pin
        assert hashes, pin
        assert all(_HASH.fullmatch(each.strip()) for each in hashes), pin


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.stem)
def test_no_requirement_names_an_address_or_a_folder(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"https?:|file:|--index-url|--extra-index|--find-links|git\+", text)


def test_what_runs_is_tested_in_the_same_versions() -> None:
    run, brokers, test, check = (
        _pins(ROOT / "requirements" / f"{name}.txt") for name in ("run", "brokers", "test", "check")
    )
    assert run.items() <= brokers.items() <= test.items() <= check.items()
    assert {"aio-pika", "aiobotocore"} <= brokers.keys() - run.keys()


def test_the_package_lock_holds_digests_and_no_addresses() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    del packages[""]
    assert packages
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name


def _pins(path: Path) -> dict[str, str]:
    found = re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", path.read_text(), re.MULTILINE)
    return dict(found)
