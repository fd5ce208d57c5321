"""The supervisor over small shell programs, in a process of its own: it takes over the signals."""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from server.embedded import Program
from server.supervisor import AddressUnusable, Supervisor, answers, listen
from tests.embedded.parent import Parent, wait_until

Start = Callable[..., Parent]
QUICK = {"delay_seconds": 0.01, "delay_seconds_max": 0.05, "crashes_max": 3}


def shell(name: str, script: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "argv": ["/bin/sh", "-c", script], **options}


def waiter(name: str, log: Path) -> dict[str, Any]:
    """Runs until SIGTERM; writes down when it starts and when it ends."""
    script = (
        f"trap 'echo {name} ends >> {log}; exit 0' TERM; "
        f"echo {name} starts >> {log}; while :; do sleep 0.05; done"
    )
    return shell(name, script)


def test_stages_start_in_order_and_stop_in_reverse(start_parent: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    ready_a = tmp_path / "ready-a"
    first = shell(
        "a",
        f"trap 'echo a ends >> {log}; exit 0' TERM; echo a starts >> {log}; touch {ready_a}; "
        "while :; do sleep 0.05; done",
        ready_file=str(ready_a),
    )
    ready_b = tmp_path / "ready-b"
    second = {**waiter("b", log), "ready_file": str(ready_b)}
    second["argv"][2] = second["argv"][2].replace("while", f"touch {ready_b}; while", 1)
    parent = start_parent(stages=[[first], [second]]).wait_ready()
    assert parent.stop() == 0
    assert log.read_text().splitlines() == ["a starts", "b starts", "b ends", "a ends"]
    assert not parent.living()


def test_renewable_services_are_renewed_one_after_the_other(
    start_parent: Start, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    renewable = [{**waiter(name, log), "is_renewable": True} for name in ("a", "b")]
    parent = start_parent(stages=[[*renewable, waiter("c", log)]]).wait_ready()
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 3, "starts")
    log.write_text("")
    os.kill(parent.pid, signal.SIGUSR2)
    wait_until(lambda: len(log.read_text().splitlines()) == 4, "renewals")
    assert log.read_text().splitlines() == ["a ends", "a starts", "b ends", "b starts"]
    assert parent.stop() == 0


def test_what_a_killed_service_left_behind_does_not_stay(
    start_parent: Start, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    master = shell("master", f"trap 'kill $!' TERM; sleep 1000 & echo $$ $! >> {pids}; wait")
    parent = start_parent(stages=[[master]], policy=QUICK).wait_ready()
    wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"), "a start")
    first, number = map(int, pids.read_text().split())
    worker = psutil.Process(number)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: len(pids.read_text().splitlines()) == 2, "a second start")
    # Whose parent is gone may lie as a zombie until somebody reads of it.
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
    assert parent.stop() == 0


def test_a_migration_ends_before_the_next_stage_starts(start_parent: Start, tmp_path: Path) -> None:
    done = tmp_path / "done"
    migration = shell("migrate", f"sleep 0.2; touch {done}", is_once=True)
    server = shell("api", f"test -e {done} && exec sleep 1000")
    parent = start_parent(stages=[[migration], [server]]).wait_ready()
    assert [each.name() for each in parent.living()] == ["sleep"]
    assert parent.stop() == 0


def test_a_failed_migration_ends_it_all(start_parent: Start) -> None:
    stages = [
        [shell("db", "exec sleep 1000")],
        [shell("migrate", "exit 3", is_once=True)],
        [shell("api", "exec sleep 1000")],
    ]
    parent = start_parent(stages=stages)
    assert parent.wait() == 1
    assert parent.messages == "migrate ended with exit code 3\n"
    assert parent.output == ""


def test_a_crashed_service_is_started_again(start_parent: Start, tmp_path: Path) -> None:
    crash = tmp_path / "crash"
    fragile = shell("api", f"while ! test -e {crash}; do sleep 0.02; done; rm {crash}; exit 1")
    parent = start_parent(stages=[[fragile]], policy=QUICK).wait_ready()
    for runs in (1, 2):
        crash.touch()
        wait_until(lambda: parent.messages.count("api runs again") == runs, "it runs again")  # noqa: B023 - called at once
    assert parent.stop() == 0
    assert "api ended with exit code 1; starting it again in 0.01 s" in parent.messages
    assert "starting it again in 0.02 s" in parent.messages


def test_a_service_that_always_crashes_is_given_up(start_parent: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    crash = tmp_path / "crash"
    fragile = shell(
        "api", f"echo run >> {log}; while ! test -e {crash}; do sleep 0.02; done; exit 1"
    )
    steady = waiter("db", tmp_path / "db")
    parent = start_parent(stages=[[steady], [fragile]], policy=QUICK).wait_ready()
    crash.touch()
    assert parent.wait() == 1
    assert "crash 4 in a row, giving up" in parent.messages
    assert log.read_text().count("run") == 4
    assert (tmp_path / "db").read_text().splitlines() == ["db starts", "db ends"]
    assert not parent.living()


def test_what_the_others_do_without_is_left_out_when_it_fails_for_good(
    start_parent: Start, tmp_path: Path
) -> None:
    crash = tmp_path / "crash"
    spare = shell("standby", f"while ! test -e {crash}; do sleep 0.02; done; exit 1")
    never = shell("copy", "exit 1") | {"is_once": True}
    needed = waiter("db", tmp_path / "db")
    stages = [[never | {"is_spare": True}], [spare | {"is_spare": True}, needed]]
    parent = start_parent(stages=stages, policy=QUICK).wait_ready()
    assert "copy is left out until the next start" in parent.messages
    crash.touch()
    wait_until(lambda: "standby is left out" in parent.messages, "it is given up")
    assert parent.stop() == 0
    assert (tmp_path / "db").read_text().splitlines() == ["db starts", "db ends"]


def test_long_runs_between_crashes_are_forgiven(start_parent: Start, tmp_path: Path) -> None:
    log = tmp_path / "log"
    crash = tmp_path / "crash"
    fragile = shell(
        "api", f"echo run >> {log}; while ! test -e {crash}; do sleep 0.02; done; exit 1"
    )
    policy = {**QUICK, "steady_seconds": 0.0}
    parent = start_parent(stages=[[fragile]], policy=policy).wait_ready()
    crash.touch()
    wait_until(lambda: log.read_text().count("run") > 6, "more runs than crashes are allowed")
    assert parent.stop() == 0


def test_what_ends_before_it_is_ready_fails_at_once(start_parent: Start, tmp_path: Path) -> None:
    never = str(tmp_path / "never")
    parent = start_parent(stages=[[shell("api", "exit 7", ready_file=never)]])
    assert parent.wait() == 1
    assert "api ended with exit code 7 before it was ready" in parent.messages


def test_what_never_gets_ready_fails(start_parent: Start, tmp_path: Path) -> None:
    never = shell("api", "exec sleep 1000", ready_file=str(tmp_path / "x"), ready_seconds=0.2)
    parent = start_parent(stages=[[never]])
    assert parent.wait() == 1
    assert "api was not ready after" in parent.messages


def test_a_missing_program_is_named(start_parent: Start) -> None:
    parent = start_parent(stages=[[{"name": "api", "argv": ["/no/such/program"]}]])
    assert parent.wait() == 1
    assert "api could not be started" in parent.messages
    assert "/no/such/program" in parent.messages


@pytest.mark.fault
def test_a_stubborn_service_is_killed(start_parent: Start) -> None:
    stubborn = shell("api", "trap '' TERM INT; while :; do sleep 0.05; done")
    parent = start_parent(stages=[[stubborn], [stubborn]]).wait_ready()
    began = time.monotonic()
    assert parent.stop() == 0
    assert time.monotonic() - began < 12, "the promise is 10 s; a busy machine gets two more"
    assert not parent.living()


def test_a_second_signal_hurries(start_parent: Start, tmp_path: Path) -> None:
    said = tmp_path / "said"
    stubborn = shell("api", f"trap 'touch {said}' TERM; while :; do sleep 0.05; done")
    parent = start_parent(stages=[[stubborn]]).wait_ready()
    parent.send(signal.SIGTERM)
    wait_until(said.exists, "it was asked politely")
    parent.send(signal.SIGTERM)
    assert parent.wait() == 0
    assert not parent.living()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it_with_exit_code_0(start_parent: Start, number: signal.Signals) -> None:
    parent = start_parent(stages=[[shell("api", "exec sleep 1000")]]).wait_ready()
    parent.send(number)
    assert parent.wait() == 0
    assert not parent.living()


def test_a_stop_during_the_start_is_a_stop(start_parent: Start, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    slow = shell("api", f"touch {begun}; exec sleep 1000", ready_file=str(tmp_path / "never"))
    parent = start_parent(stages=[[slow]])
    wait_until(begun.exists, "the start has begun")
    assert parent.stop() == 0


@pytest.mark.fault
def test_nothing_outlives_a_killed_supervisor(start_parent: Start) -> None:
    stubborn = shell("api", "trap '' TERM INT HUP; while :; do read line; done")
    parent = start_parent(stages=[[stubborn], [shell("worker", "exec sleep 1000")]]).wait_ready()
    assert len(parent.living()) == 2
    parent.kill()
    wait_until(lambda: not parent.living(), "its children are gone")


def test_output_is_labelled_line_by_line(start_parent: Start, tmp_path: Path) -> None:
    said = tmp_path / "said"
    talker = shell(
        "api", f"echo one; printf 'two\\nthr' >&2; echo ee; touch {said}; exec sleep 1000"
    )
    worker = shell("worker", "printf unfinished; exit 0", is_once=True)
    parent = start_parent(
        stages=[[{**talker, "ready_file": str(said)}], [worker]], is_labelled=True
    ).wait_ready()
    assert parent.stop() == 0
    lines = parent.output.splitlines()
    assert [line for line in lines if line.startswith("api    | ")] == [
        "api    | one",
        "api    | two",
        "api    | three",
    ]
    assert "worker | unfinished" in lines


def test_processes_share_one_listening_socket(start_parent: Start) -> None:
    code = (
        "import os, socket; s = socket.socket(fileno=int(os.environ['LISTEN_FD']))\n"
        "while True:\n"
        "    c, _ = s.accept(); c.recv(1000)\n"
        "    c.sendall(b'HTTP/1.0 200 OK\\r\\nContent-Length: 0\\r\\nServer: %d\\r\\n\\r\\n'"
        " % os.getpid()); c.close()"
    )
    servers = [{"name": f"api-{i}", "argv": [sys.executable, "-c", code]} for i in (1, 2)]
    parent = start_parent(stages=[servers], is_listening=True).wait_ready()
    check = answers("0.0.0.0", parent["port"], "/")  # noqa: S104 - what somebody may listen on
    wait_until(check, "one of them answers")
    seen = set()

    def have_all_answered() -> bool:
        with socket.create_connection(("127.0.0.1", parent["port"])) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            head = connection.recv(1000).decode()
        seen.add(int(head.split("Server: ")[1].split()[0]))
        return seen == {each.pid for each in parent.living()}

    wait_until(have_all_answered, "both take their part")
    assert len(seen) == 2
    assert parent.stop() == 0


def test_an_address_in_use_is_named() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnusable, match=f"port {port}: .*in use.*OMNIBUS_PORT"):
            listen("127.0.0.1", port)
    with pytest.raises(AddressUnusable):
        listen("no.such.host.invalid", 0)


def test_no_answer_is_not_ready() -> None:
    with listen("127.0.0.1", 0) as silent:
        assert not answers("127.0.0.1", silent.getsockname()[1])()


def test_stop_steps_that_take_too_long_are_a_mistake() -> None:
    services = [[Program(name=str(n), argv=("true",))] for n in range(3)]
    with pytest.raises(ValueError, match="stop steps"):
        Supervisor(services, say=lambda _: None)


def test_it_leaves_the_signals_as_they_were() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    supervisor = Supervisor(
        [[Program(name="all", argv=("/bin/true",), is_once=True)]],
        say=lambda _: None,
        on_ready=lambda: os.kill(os.getpid(), signal.SIGTERM),
    )
    assert supervisor.run() == 0
    assert {number: signal.getsignal(number) for number in before} == before
