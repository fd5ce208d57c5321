"""`up`: everything at once, on one machine, with nothing but Python installed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import typer

from server.cli.database import connected_settings, run_explained
from server.config import Settings, as_environment, load
from server.embedded import Program, Service, StartError, hold_servers
from server.mail.smtp_url import read_smtp_url
from server.supervisor import Supervisor, answers, listen


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command(hidden=True)(prepare)


def up() -> None:
    """Start everything on this machine; Ctrl-C stops it all.

    PostgreSQL and Valkey are ours unless OMNIBUS_DATABASE_URL and OMNIBUS_REDIS_URL name others. The schema is brought
    up to date, demo data loaded while OMNIBUS_DEMO=on, then API processes and a worker run until told to stop.
    """
    settings = load()
    try:
        # The folder first: who starts us twice wants to hear of the other one, not of its port.
        with (
            databases(settings) as (services, full),
            listen(settings.host, settings.port) as socket,
        ):
            ready = Announcement(full)
            supervisor = Supervisor(
                [
                    services,
                    [once("prepare", full)],
                    [
                        *(_api(full, number, socket.fileno()) for number in range(full.workers)),
                        program_of("worker", full, "worker"),
                    ],
                ],
                say=ready.say,
                on_ready=ready.print,
                is_labelled=sys.stdout.isatty(),
            )
            code = supervisor.run()
    except StartError as error:
        sys.exit(f"omnibus: {error}")
    raise typer.Exit(code)


def prepare() -> None:
    """Bring the database up to date, with demo data if that is on. `up` runs it before it serves."""
    from server.prepare import prepare_database  # noqa: PLC0415 - heavy imports only for those who need them

    run_explained(prepare_database(connected_settings("prepare"), typer.echo))


class Announcement:
    """What the person at the terminal reads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def say(self, message: str) -> None:
        print(f"omnibus: {message}", flush=True)

    def print(self) -> None:
        from server.demo import DEMO_USERS  # noqa: PLC0415 - heavy imports only for those who need them

        host = self._settings.host
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # nosec B104 # noqa: S104 - told, not bound
        url = f"http://{shown}:{self._settings.port}"
        lines = ["", f"  tickets    {url}/", f"  API        {url}/docs"]
        lines.append(f"  mails      {self._mails(url)}")
        if self._settings.demo:
            width = max(len(user.email) for user in DEMO_USERS)
            lines += ["", "  demo logins"]
            lines += [f"    {user.email:{width}}  {user.password}" for user in DEMO_USERS]
        print("\n".join([*lines, "", f"omnibus ready {url}"]), flush=True)

    def _mails(self, url: str) -> str:
        settings = self._settings
        if settings.smtp_url:
            return str(read_smtp_url(settings.smtp_url))
        return f"{url}/dev/outbox" if settings.demo else f"{settings.mail_folder}/"


@contextmanager
def databases(settings: Settings) -> Iterator[tuple[tuple[Service, ...], Settings]]:
    if settings.database_url and settings.redis_url:
        yield (), settings
        return
    with hold_servers(
        settings.data_dir,
        command="omnibus up",
        url=f"http://{settings.host}:{settings.port}",
        with_postgres=settings.database_url is None,
        with_valkey=settings.redis_url is None,
    ) as servers:
        full = replace(
            settings,
            database_url=settings.database_url or servers.database_url,
            redis_url=settings.redis_url or servers.redis_url,
        )
        yield servers.services, full


def _environment(settings: Settings) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("OMNIBUS_")}  # noqa: TID251 - handed on
    return inherited | as_environment(settings)


def program_of(name: str, settings: Settings, *arguments: str) -> Program:
    return Program(
        name=name,
        argv=(sys.executable, "-m", "server", *arguments),
        env=_environment(settings),
    )


def once(name: str, settings: Settings) -> Program:
    program = program_of(name, settings, "prepare")
    program.is_once = True
    return program


def _api(settings: Settings, number: int, fd: int) -> Program:
    program = program_of(f"api-{number + 1}", settings, "serve", "--fd", str(fd))
    program.pass_fds = (fd,)
    program.check = answers(settings.host, settings.port)
    return program
