"""A parent process to kill: runs the embedded servers and a plan of programs under a supervisor.

python -m tests.embedded.rig PLAN, where PLAN is a JSON document. Once all is ready it writes one
line of JSON to stdout: the URLs and every process below it. Messages go to stderr.
"""

import json
import os
import pwd
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from server.embedded import Program, StartError, hold_servers
from server.supervisor import RestartPolicy, Supervisor, listen


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    data_dir: str | None = None
    user: str | None = None
    """Become this user first, for good: a name or a number."""
    stages: list[list[dict[str, Any]]] = field(default_factory=list)
    """Arguments of Program; `ready_file` makes it ready when that file exists."""
    policy: dict[str, Any] = field(default_factory=dict)
    is_labelled: bool = False
    is_listening: bool = False
    """Bind a socket, whose descriptor every program inherits as the variable LISTEN_FD."""


def main() -> int:
    plan = Plan(**json.loads(sys.argv[1]))
    if plan.user is not None:
        _become(plan.user)
    try:
        with ExitStack() as stack:
            return _run(plan, stack)
    except StartError as error:
        _say(str(error))
        return 1


def _run(plan: Plan, stack: ExitStack) -> int:
    report: dict[str, Any] = {}
    stages: list[Any] = []
    if plan.data_dir is not None:
        servers = stack.enter_context(
            hold_servers(Path(plan.data_dir), command="omnibus up", url="http://127.0.0.1:8000")
        )
        stages.append(servers.services)
        report |= {
            "database_url": servers.database_url,
            "superuser_url": servers.superuser_url,
            "redis_url": servers.redis_url,
        }
    sockets = [stack.enter_context(listen("127.0.0.1", 0))] if plan.is_listening else []
    for socket in sockets:
        report["port"] = socket.getsockname()[1]
    descriptors = tuple(socket.fileno() for socket in sockets)
    stages += [[_program(options, descriptors) for options in stage] for stage in plan.stages]

    def on_ready() -> None:
        below = psutil.Process().children(recursive=True)
        report["processes"] = [[each.pid, each.create_time()] for each in below]
        print(json.dumps(report), flush=True)  # noqa: T201 - it is the rig's answer

    return Supervisor(
        stages,
        say=_say,
        on_ready=on_ready,
        is_labelled=plan.is_labelled,
        policy=RestartPolicy(**plan.policy),
    ).run()


def _program(options: dict[str, Any], descriptors: tuple[int, ...]) -> Program:
    ready_file = options.pop("ready_file", None)
    program = Program(**{**options, "argv": tuple(options["argv"])}, pass_fds=descriptors)
    if ready_file is not None:
        program.check = Path(ready_file).exists
    if descriptors:
        program.env = {"PATH": os.defpath, "LISTEN_FD": str(descriptors[0])}
    return program


def _become(user: str) -> None:
    if user.isdecimal():
        uid = gid = int(user)
    else:
        entry = pwd.getpwnam(user)
        uid, gid = entry.pw_uid, entry.pw_gid
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)  # noqa: T201 - what the person at the terminal sees


if __name__ == "__main__":
    sys.exit(main())
