"""A process that was forked is what one that was started is; only its start is quicker."""

import ast
import asyncio
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import psutil
import pytest

from tests.support import forked
from tests.support.waiting import wait_until

WITNESS = ("tests.support.witness", "some", "words")
SETTINGS = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "Asia/Kolkata", "OMNIBUS_PORT": "1"}
_CHANCE = {
    "random",
    "secrets",
    "uuid1",
    "uuid4",
    "urandom",
    "getpid",
    "time",
    "monotonic",
    "perf_counter",
    "now",
}


async def start(out: IO[bytes]) -> tuple[forked.Process, dict[str, Any]]:
    process = forked.Process.start(*WITNESS, environment=SETTINGS, stdout=out, stderr=out)

    def told() -> bytes:
        return os.pread(out.fileno(), 65_536, 0)  # where the file stands, it writes

    await wait_until(lambda: told().endswith(b"\n"), seconds=60)
    return process, json.loads(told())


async def test_it_finds_itself_to_be_what_one_that_was_started_is() -> None:
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *WITNESS),
        cwd=forked.ROOT,
        env=SETTINGS,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    assert started.stdout is not None
    expected = json.loads(await started.stdout.readline())
    started.kill()
    with tempfile.NamedTemporaryFile() as out:
        process, said = await start(out)
        process.kill()
        assert await process.wait() == await started.wait() == -signal.SIGKILL
    assert said["self"] == expected["self"]


async def test_two_of_them_share_no_chance() -> None:
    with tempfile.NamedTemporaryFile() as out, tempfile.NamedTemporaryFile() as other:
        (one, said), (two, heard) = await start(out), await start(other)
        assert not set(said["chance"]) & set(heard["chance"])
        assert [one.pid, two.pid] == [said["chance"][-1], heard["chance"][-1]]
        for each in (one, two):
            each.terminate()
            assert await each.wait() == -signal.SIGTERM


async def test_one_that_has_ended_is_sent_nothing_and_leaves_nobody() -> None:
    with tempfile.NamedTemporaryFile() as out:
        process, _ = await start(out)
        process.kill()
        await process.wait()
        with pytest.raises(ProcessLookupError):
            process.kill()
        await wait_until(lambda: not psutil.pid_exists(process.pid))


async def test_one_that_is_frozen_runs_on_when_it_is_let_go() -> None:
    with tempfile.NamedTemporaryFile() as out:
        process, _ = await start(out)
        process.send_signal(signal.SIGSTOP)
        await wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)
        process.terminate()
        assert process.returncode is None
        process.send_signal(signal.SIGCONT)
        assert await process.wait() == -signal.SIGTERM


async def test_a_command_that_takes_too_long_is_ended() -> None:
    def running() -> set[psutil.Process]:
        return {
            below
            for each in psutil.Process().children()
            if "tests.support.forked" in each.cmdline()
            for below in each.children()
        }

    before = running()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nowhere = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/nowhere"
        settings = SETTINGS | {"OMNIBUS_DATABASE_URL": nowhere}
        with pytest.raises(TimeoutError):
            forked.run(["worker"], settings, stdin="", seconds=0.5)
    await wait_until(lambda: running() <= before)


def test_what_a_module_makes_up_when_it_is_imported_is_made_up_anew() -> None:
    found = {
        (".".join(path.relative_to(forked.ROOT).with_suffix("").parts), name)
        for folder in ("server", "realtime", "store")
        for path in (forked.ROOT / folder).rglob("*.py")
        for name in made_up(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set(forked.MADE_AT_IMPORT.items())


def test_what_is_made_up_is_seen_wherever_it_stands() -> None:
    for text in (
        "a = random.Random()",
        "class A:\n    b = uuid.uuid4()",
        "def f(at=time.monotonic()): pass",
        "A = [secrets.token_hex() for _ in range(3)]",
    ):
        assert list(made_up(ast.parse(text))), text
    for text in (
        "def f():\n    return uuid.uuid4()",
        "a = lambda: time.time()",
        "a = uuid.UUID(int=1)",
    ):
        assert not list(made_up(ast.parse(text))), text


def made_up(node: ast.AST, name: str = "") -> Iterator[str]:
    """Yield the names that are given something of chance, of the clock or of the process when a module is imported."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        inner: list[ast.AST] = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
        for each in inner:
            yield from made_up(each, name or getattr(node, "name", "lambda"))
        return
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        name = name or ast.unparse(target)
    if isinstance(node, ast.Call) and _CHANCE & set(ast.unparse(node.func).split(".")):
        yield name
    for child in ast.iter_child_nodes(node):
        yield from made_up(child, name)
