"""What `omnibus cluster up` runs on one machine, and the file that tells others of it.

nginx answers at the port of the settings, the API processes on the ports after it, on loopback only.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from server.config import Settings
from server.embedded import Service
from server.embedded.errors import StartError
from server.embedded.privileges import Identity, write_private
from server.nginx import NginxServer, for_one_machine
from server.supervisor import answers, listen

LOOPBACK = "127.0.0.1"
_LIST = "cluster.json"
_API = "api-"


@dataclass(frozen=True, slots=True)
class Member:
    """One process as the cluster's list has it; `port` is 0 where nobody knocks."""

    name: str
    pid: int
    port: int = 0

    @property
    def is_api(self) -> bool:
        return self.name.startswith(_API)

    def is_ready(self) -> bool | None:
        """Ask it, if it is one that can be asked; of others is known only when they are gone."""
        if self.port:
            return answers(LOOPBACK, self.port)()
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # another user's, and there
            pass
        return None


def api_settings(settings: Settings) -> list[tuple[str, Settings]]:
    """Return the name and the settings of each API process behind nginx: whom to believe, what they are called."""
    return [
        (f"{_API}{number}", _behind_nginx(settings, settings.port + number))
        for number in range(1, settings.workers + 1)
    ]


def make_nginx(settings: Settings, folder: Path, identity: Identity | None) -> NginxServer:
    """Set up nginx in a folder of its own, which it makes; raises StartError."""
    try:
        folder.mkdir(mode=0o755)
    except OSError as error:
        raise StartError(f"cannot make {folder}: {error.strerror}") from error
    upstreams = [f"{LOOPBACK}:{each.port}" for _, each in api_settings(settings)]
    configuration = for_one_machine(
        folder,
        host=settings.host,
        port=settings.port,
        upstreams=upstreams,
        trusted=settings.trusted_proxies,
    )
    return NginxServer(
        folder, configuration, check=answers(settings.host, settings.port), identity=identity
    )


def claim_ports(settings: Settings) -> None:
    """Raise AddressUnusable for the first port of ours that somebody has."""
    with ExitStack() as stack:
        stack.enter_context(listen(settings.host, settings.port))
        for _, each in api_settings(settings):
            stack.enter_context(listen(LOOPBACK, each.port))


def keep_list(
    folder: Path, settings: Settings, stages: Sequence[Sequence[Service]]
) -> Callable[[str, int], None]:
    """Return what to call with the name and number of each process that is started."""
    ports = {name: each.port for name, each in api_settings(settings)} | {"nginx": settings.port}
    lasting = [service.name for stage in stages for service in stage if not service.is_once]
    running: dict[str, Member] = {}

    def note(name: str, pid: int) -> None:
        if name in lasting:
            running[name] = Member(name, pid, ports.get(name, 0))
            listed = [asdict(running[each]) for each in lasting if each in running]
            write_private(folder / _LIST, json.dumps(listed))

    return note


def read_members(run_folder: Path) -> list[Member]:
    """Return what runs there, as far as it was started."""
    try:
        listed = json.loads((run_folder / _LIST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [Member(**each) for each in listed]


def _behind_nginx(settings: Settings, port: int) -> Settings:
    ours = tuple(f"http://{name}:{settings.port}" for name in (LOOPBACK, "localhost"))
    return replace(
        settings,
        host=LOOPBACK,
        port=port,
        trusted_proxies=(*settings.trusted_proxies, f"{LOOPBACK}/32"),
        # What is right for nginx's address is right for who stands behind it.
        allowed_hosts=tuple(sorted(settings.hosts)),
        public_url=settings.address,
        allowed_origins=tuple(dict.fromkeys((*settings.allowed_origins, *ours))),
    )
