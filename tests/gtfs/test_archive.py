"""The zip that a feed comes in, and what can be wrong with it."""

import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.gtfs import read_feed
from store.gtfs.faults import FeedRefused
from tests.gtfs.feeds import SOUND, refusal, write_feed


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "feed.zip"
    path.write_text("trip_id,service_id\n")
    assert [str(fault) for fault in refusal(path).faults] == ["feed.zip: is not a zip file"]


def test_a_feed_in_a_folder_of_the_zip_is_refused_with_a_hint(tmp_path: Path) -> None:
    path = tmp_path / "feed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in SOUND.items():
            archive.writestr(f"export/{name}", text)
    assert "there is one in `export/`" in refusal(path).faults[0].reason


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = write_feed(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"Schwerin", b"Schwirin", 1))
    assert "cannot be read: Bad CRC-32" in refusal(path).faults[0].reason


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = write_feed(tmp_path)
    with (
        zipfile.ZipFile(path, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("trips.txt", SOUND["trips.txt"])
    assert "holds it twice" in refusal(path).faults[0].reason


def test_a_file_that_does_not_exist_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_feed(tmp_path / "feed.zip")


@given(st.integers(0), st.binary(min_size=1, max_size=4), st.integers(0, 40))
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_happens_to_the_bytes_of_a_feed_it_is_read_or_refused(
    tmp_path: Path, place: int, splinter: bytes, lost: int
) -> None:
    path = write_feed(tmp_path)
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place : place + len(splinter)] = splinter
    path.write_bytes(data[: len(data) - lost] if lost > 35 else data)
    with suppress(FeedRefused):
        read_feed(path)
