import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from server.embedded import StartError
from server.embedded.folder import (
    FolderInUse,
    FolderUnusable,
    clear_run_folder,
    find_holder,
    hold_folder,
    make_own_folder,
    make_run_folder,
)
from server.embedded.privileges import Identity
from tests.embedded.parent import ROOT

_HOLD_AND_WAIT = """
import sys
from pathlib import Path
from server.embedded.folder import hold_folder
with hold_folder(Path(sys.argv[1]), command="omnibus up", url="http://here"):
    print("held", flush=True)
    sys.stdin.read()
"""


def start_holder(path: Path) -> "subprocess.Popen[str]":
    holder = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", _HOLD_AND_WAIT, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_and_its_missing_parents_are_made_for_us_alone(tmp_path: Path) -> None:
    path = tmp_path / "some" / "data"
    with hold_folder(path, command="test") as folder:
        assert folder.path == path
        assert mode_of(path) == mode_of(path.parent) == 0o700


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    with start_holder(tmp_path) as first:
        with pytest.raises(FolderInUse) as caught, hold_folder(tmp_path, command="test"):
            pass
        assert caught.value.holder is not None
        assert caught.value.holder.pid == first.pid
        message = str(caught.value)
        assert f"process {first.pid} (omnibus up, serving http://here) since 20" in message
        assert "OMNIBUS_DATA_DIR" in message
        assert find_holder(tmp_path) == caught.value.holder
        first.communicate()
    assert find_holder(tmp_path) is None


@pytest.mark.fault
def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    with start_holder(tmp_path) as first:
        first.kill()
        first.wait()
    assert find_holder(tmp_path) is None
    with hold_folder(tmp_path, command="test") as folder:
        assert folder.previous_run_folder is not None, "it had no time to say goodbye"
    with hold_folder(tmp_path, command="test") as folder:
        assert folder.previous_run_folder is None


def test_a_lock_file_with_nonsense_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(json.dumps({"pid": 1}))
    with hold_folder(tmp_path, command="test") as folder:
        assert folder.previous_run_folder is None


def test_an_empty_folder_that_was_handed_to_us_becomes_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with hold_folder(tmp_path, command="test"):
        assert mode_of(tmp_path) == 0o700


def test_a_folder_in_use_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    tmp_path.chmod(0o777)
    with (
        pytest.raises(FolderUnusable, match=f"chmod 700 {tmp_path}"),
        hold_folder(tmp_path, command="test"),
    ):
        pass


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(FolderUnusable, match="not a folder"), hold_folder(path, command="test"):
        pass


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "lock").symlink_to(elsewhere)
    with pytest.raises(FolderUnusable), hold_folder(data, command="test"):
        pass
    assert not elsewhere.exists()


def test_a_place_for_sockets_must_have_a_short_path(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    with (
        pytest.raises(StartError, match="short path"),
        hold_folder(tmp_path / "data", command="test", runtime_dir=long),
    ):
        pass


def test_the_run_folder_is_cleared_whatever_is_left_in_it(tmp_path: Path) -> None:
    run_folder = tmp_path / "omnibus-1234"
    kept = tmp_path / "kept"
    kept.touch()
    make_run_folder(run_folder, None)
    assert mode_of(run_folder) == 0o700
    (run_folder / ".s.PGSQL.5432.lock").touch()
    (run_folder / "link").symlink_to(kept)
    clear_run_folder(run_folder)
    assert not run_folder.exists()
    assert kept.exists()
    clear_run_folder(run_folder)  # once more does no harm


def test_what_only_has_the_name_of_a_run_folder_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    (theirs / "file").touch()
    link = tmp_path / "omnibus-link"
    link.symlink_to(theirs)
    opened = tmp_path / "omnibus-open"
    opened.mkdir(mode=0o755)
    (opened / "file").touch()
    for path in (theirs, link, opened):
        clear_run_folder(path)
    assert (theirs / "file").exists()
    assert (opened / "file").exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder like /tmp, which pytest's own are not: others may come in."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        yield Path(name)


@pytest.mark.usefixtures("root_only")
def test_what_root_writes_lies_where_the_owner_of_the_sockets_cannot_put_a_link(
    open_folder: Path,
) -> None:
    run_folder, kept = open_folder / "omnibus-1234", open_folder / "kept"
    kept.mkdir()
    somebody = Identity("nobody", 65534, 65534)
    make_run_folder(run_folder, somebody)
    own = make_own_folder(run_folder)
    (own / "nginx").mkdir(mode=0o755)
    (run_folder / "nginx").mkdir(mode=0o755)

    def swapped(folder: Path) -> bool:
        """Let the owner of the run folder put a link in place of what root made in a folder."""
        child = os.fork()
        if child == 0:
            os.setgid(65534)
            os.setuid(65534)
            with suppress(OSError):
                (folder / "nginx").rename(folder / "aside")
                (folder / "nginx").symlink_to(kept)
            os._exit(0)
        os.waitpid(child, 0)
        return (folder / "nginx").is_symlink()

    assert swapped(run_folder), "the twin: in a folder of theirs they can"
    assert not swapped(own)
    clear_run_folder(own)
    assert not own.exists()
    assert kept.exists()


@pytest.mark.usefixtures("root_only")
def test_an_ordinary_user_leaves_anothers_run_folder_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    theirs = tmp_path / "omnibus-1234"
    theirs.mkdir(mode=0o700)
    child = os.fork()
    if child == 0:
        os.setuid(65534)
        clear_run_folder(theirs)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert theirs.exists()
