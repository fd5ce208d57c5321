"""`omnibus up`: what `make run` does, from the first start on an empty machine to the last Ctrl-C."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from server.demo import DEMO_USERS
from tests.cli.commands import Up, free_port, omnibus, running
from tests.gtfs.feeds import write_feed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture(scope="module")
def up(folder: Path) -> Iterator[Up]:
    """A first start, with the demo."""
    with running(folder, DEMO="on") as started:
        yield started


def test_its_last_line_says_where_it_is_ready_and_the_lines_before_what_to_do_there(
    up: Up,
) -> None:
    assert up.lines[-1] == f"omnibus ready {up.url}"
    shown = "\n".join(up.lines)
    assert f"{up.url}/\n" in shown
    assert f"{up.url}/docs\n" in shown
    for user in DEMO_USERS:
        assert re.search(rf"{re.escape(user.email)} +{user.password}$", shown, re.MULTILINE)
    with httpx2.Client(base_url=up.url) as client:
        for path in ("/", "/docs", "/readyz", "/api/v1/stops?q=a"):
            assert client.get(path).status_code == 200, path


def test_the_logins_it_tells_are_let_in(up: Up) -> None:
    with httpx2.Client(base_url=f"{up.url}/api/v1") as client:
        for user in DEMO_USERS:
            given = {"email": user.email, "password": user.password}
            answer = client.post("/auth/login", json=given)
            assert answer.status_code == 200, answer.text
            assert answer.json()["user"]["role"] == user.role


def test_a_second_one_on_the_same_folder_is_told_who_holds_it(up: Up, folder: Path) -> None:
    ran = omnibus("up", DATA_DIR=folder, PORT=free_port())
    assert ran.code == 1
    assert f"is in use by process {up.pid} (omnibus up, serving {up.url})" in ran.err
    same_port = omnibus("up", DATA_DIR=folder, PORT=up.url.rpartition(":")[2])
    assert f"is in use by process {up.pid}" in same_port.err
    assert httpx2.get(f"{up.url}/readyz").status_code == 200


def test_a_port_that_is_taken_is_named_and_nothing_is_left(up: Up, tmp_path: Path) -> None:
    port = up.url.rpartition(":")[2]
    ran = omnibus("up", DATA_DIR=tmp_path / "other", PORT=port)
    assert ran.code == 1
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_commands_beside_it_find_its_database(up: Up, folder: Path, tmp_path: Path) -> None:
    assert up.url
    doctor = omnibus("doctor", DATA_DIR=folder)
    assert doctor.code == 0, doctor.out
    assert "carries seat changes" in doctor.out
    listed = omnibus("user", "list", "--json", DATA_DIR=folder).json["items"]
    assert {item["email"] for item in listed} == {user.email for user in DEMO_USERS}
    assert omnibus("migrate", DATA_DIR=folder).out == "nothing to do\n"
    feed = write_feed(tmp_path)
    ran = omnibus(
        *("import", "gtfs", feed, "--operator", "Northline", "--shift-dates", "--json"),
        DATA_DIR=folder,
    )
    assert ran.code == 0, ran.err
    assert ran.json["operators"][0]["is_new"] is True


def test_told_to_stop_it_leaves_nothing_and_is_there_again_the_next_time(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as first:
        added = omnibus(
            *("user", "add", "ann@x.example", "--name", "Ann"),
            stdin="a good long password\n",
            DATA_DIR=data,
        )
        assert added.code == 0, added.err
        assert "demo logins" not in "\n".join(first.lines)
        assert_gone_after_stop(first, signal.SIGTERM)
    with running(data) as second:
        assert omnibus("user", "list", DATA_DIR=data).out.startswith("ann@x.example")
        assert not any(line.startswith("schema:") for line in second.lines)
        assert_gone_after_stop(second, signal.SIGINT)


def assert_gone_after_stop(up: Up, number: signal.Signals) -> None:
    family = up.family()
    names = {process.name() for process in family}
    assert {"postgres", "valkey-server"} <= names
    assert up.stop(number) == 0
    assert up.lines[-1] == "omnibus: stopping"
    assert not any(_is_alive(process) for process in family)


def _is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
