"""`cluster`: several API processes behind nginx on one machine, and how to look at them, renew them, end them."""

import json
import os
import signal
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from server.cli.up import Announcement, once, program_of
from server.config import Settings, load
from server.embedded import (
    EmbeddedServers,
    Program,
    Service,
    StandbyServer,
    StartError,
    hold_servers,
)
from server.embedded.folder import Holder, find_holder
from server.fleet import (
    LOOPBACK,
    api_settings,
    claim_ports,
    keep_list,
    make_nginx,
    read_members,
)
from server.nginx import find_nginx
from server.supervisor import Supervisor, answers

_COMMAND = "omnibus cluster up"
_RENEWED_SECONDS = 120.0
_DOWN_SECONDS = 20.0
_PAUSE_SECONDS = 0.1
_WORDS = {True: "ready", False: "NOT READY", None: ""}

Folder = Annotated[
    Path | None, typer.Option("--data-dir", help="The data folder, in place of OMNIBUS_DATA_DIR.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Run several API processes behind nginx on this machine.", no_args_is_help=True
    )
    for command in (up, status, restart, down):
        group.command()(command)
    app.add_typer(group, name="cluster")


def up(
    *,
    port: Annotated[
        int | None, typer.Option(min=1, max=65000, help="nginx's port; OMNIBUS_PORT otherwise.")
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, max=32, help="API processes, on the ports after nginx's.")
    ] = 3,
    standby: Annotated[
        bool,
        typer.Option("--standby/--no-standby", help="Copy our PostgreSQL to a standby, for reads."),
    ] = True,
    data_dir: Folder = None,
) -> None:
    """Start nginx, API processes, a worker, PostgreSQL with a standby, and Valkey here; Ctrl-C stops it all.

    OMNIBUS_DATABASE_URL and OMNIBUS_REDIS_URL name servers to use in place of ours; with OMNIBUS_DATABASE_URL or
    OMNIBUS_REPLICA_URLS there is no standby of ours. `omnibus cluster restart` renews the API processes, one after the
    other.
    """
    settings = _settings(data_dir)
    settings = replace(settings, port=port or settings.port, workers=processes)
    try:
        code = _run(settings, with_standby=standby)
    except StartError as error:
        sys.exit(f"omnibus: {error}")
    raise typer.Exit(code)


def status(*, data_dir: Folder = None, as_json: AsJson = False) -> None:
    """Show each process of the cluster that runs here; exit code 1 if one of them is not ready."""
    holder = _holder(_settings(data_dir).data_dir)
    members = [(each, each.is_ready()) for each in read_members(Path(holder.run_folder))]
    if as_json:
        listed = [asdict(each) | {"is_ready": is_ready} for each, is_ready in members]
        print(json.dumps({"pid": holder.pid, "url": holder.url, "members": listed}))
    else:
        print(holder)
        for member, is_ready in members:
            port = f"port {member.port}" if member.port else ""
            print(f"  {member.name:10} {member.pid:>8}  {port:10}  {_WORDS[is_ready]}".rstrip())
    if not all(is_ready is not False for _, is_ready in members):
        raise typer.Exit(1)


def restart(*, data_dir: Folder = None) -> None:
    """Renew the API processes one after the other, each when the one before is ready; sales go on meanwhile."""
    holder = _holder(_settings(data_dir).data_dir)
    folder = Path(holder.run_folder)
    before = {each.name: each.pid for each in read_members(folder) if each.is_api}
    os.kill(holder.pid, signal.SIGUSR2)
    deadline = time.monotonic() + _RENEWED_SECONDS
    told: set[str] = set()
    while told != before.keys():
        for member in read_members(folder):
            is_new = member.is_api and member.pid != before.get(member.name)
            if is_new and member.name not in told and member.is_ready():
                told.add(member.name)
                print(f"{member.name} is renewed: process {member.pid}", flush=True)
        if time.monotonic() > deadline:
            missing = ", ".join(sorted(before.keys() - told))
            sys.exit(f"omnibus: not renewed after {_RENEWED_SECONDS:.0f} s: {missing}")
        time.sleep(_PAUSE_SECONDS)


def down(*, data_dir: Folder = None) -> None:
    """End the cluster that runs here, in good order."""
    path = _settings(data_dir).data_dir
    holder = _holder(path)
    os.kill(holder.pid, signal.SIGTERM)
    deadline = time.monotonic() + _DOWN_SECONDS
    while find_holder(path) is not None:
        if time.monotonic() > deadline:
            sys.exit(f"omnibus: process {holder.pid} is still there after {_DOWN_SECONDS:.0f} s")
        time.sleep(_PAUSE_SECONDS)
    print("the cluster is down")


def _settings(data_dir: Path | None) -> Settings:
    settings = load()
    return settings if data_dir is None else replace(settings, data_dir=data_dir)


def _holder(data_dir: Path) -> Holder:
    """Return who runs a cluster on the folder; exit with what to do if nobody does."""
    try:
        holder = find_holder(data_dir)
    except StartError as error:
        sys.exit(f"omnibus: {error}")
    if holder is None:
        sys.exit(f"omnibus: no cluster runs on {data_dir}: `{_COMMAND}` starts one")
    if holder.command != _COMMAND:
        sys.exit(f"omnibus: what runs on {data_dir} is no cluster: {holder}")
    return holder


def _run(settings: Settings, *, with_standby: bool) -> int:
    find_nginx()  # before anything is changed
    with hold_servers(
        settings.data_dir,
        command=_COMMAND,
        url=f"http://{settings.host}:{settings.port}",
        with_postgres=settings.database_url is None,
        with_valkey=settings.redis_url is None,
    ) as servers:
        claim_ports(settings)
        full = replace(
            settings,
            database_url=settings.database_url or servers.database_url,
            redis_url=settings.redis_url or servers.redis_url,
        )
        has_standby = with_standby and not settings.replica_urls
        stages = _stages(full, servers, has_standby=has_standby)
        ready = Announcement(full)
        supervisor = Supervisor(
            stages, say=ready.say, on_ready=ready.print, is_labelled=sys.stdout.isatty()
        )
        supervisor.on_start = keep_list(servers.run_folder, full, stages)
        return supervisor.run()


def _stages(
    settings: Settings, servers: EmbeddedServers, *, has_standby: bool
) -> list[list[Service]]:
    # We may be root, and write here: nobody else may lead us elsewhere with a link.
    folder = servers.make_own_folder() / "nginx"
    nginx = make_nginx(settings, folder, servers.identity)
    edition = program_of("static", settings, "static", "build", "--out", str(folder))
    edition.is_once = True
    worker = replace(settings, public_url=settings.address)
    primary = servers.postgres
    standby = StandbyServer(primary) if primary and has_standby else None
    reading = replace(settings, replica_urls=(standby.url,)) if standby else settings
    return [
        [*servers.services],
        [once("prepare", settings), edition, *([standby.copy] if standby else [])],
        [
            # Beside those who read from it: it waits for them when all are stopped, and takes no time of its own.
            *([standby] if standby else []),
            *(_api(name, each) for name, each in api_settings(reading)),
            program_of("worker", worker, "worker"),
        ],
        [nginx],
    ]


def _api(name: str, settings: Settings) -> Program:
    program = program_of(name, settings, "serve")
    program.check = answers(LOOPBACK, settings.port)
    program.is_renewable = True
    return program
