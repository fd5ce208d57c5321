"""One template of nginx's configuration, and what differs between the places where it is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

_TEMPLATE = Path(__file__).with_name("nginx.template")
STATE = "state"
"""Below nginx's folder: what nginx itself writes, as whoever it runs as."""
_LENT = r"~/js/embed/seat-map\.js$"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class _Template(Template):
    delimiter = "%"  # $ and @ begin names of nginx's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """`upstreams` are the API processes as host:port; below `static` lies what `omnibus static build` wrote.

    `main` are lines outside of everything; `folder` is where nginx keeps what it cannot keep in memory, if not where
    its makers wanted it. `trusted` are networks of proxies before it, whose word on who asks, and how, is taken.
    """

    listen: str
    upstreams: Sequence[str]
    static: Path
    origin: str
    main: Sequence[str] = ()
    access_log: str = "/dev/stdout paths"
    folder: Path | None = None
    trusted: Sequence[str] = ()

    def render(self) -> str:
        """Return the text of nginx.conf; raises KeyError if the template asks for what nobody knows."""
        kept = [] if self.folder is None else [f"{kind}_temp_path" for kind in _TEMPORARY]
        return _Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
            origin=self.origin,
            main="\n".join(self.main),
            temporary="\n".join(f"    {path} {self.folder}/temporary;" for path in kept),
            access_log=self.access_log,
            real_ip="\n".join(f"    set_real_ip_from {each};" for each in self.trusted),
            trusted="\n".join(f"        {each} 1;" for each in self.trusted),
            lent=_LENT,
            upstreams="\n".join(
                f"        server {each} max_fails=2 fail_timeout=2s;" for each in self.upstreams
            ),
            listen=self.listen,
            static=self.static,
        )


def for_one_machine(
    folder: Path, *, host: str, port: int, upstreams: Sequence[str], trusted: Sequence[str] = ()
) -> Configuration:
    """Return what nginx needs below a supervisor: everything it writes is in `folder`, static files too."""
    bracketed = f"[{host}]" if ":" in host else host
    return Configuration(
        listen=f"{bracketed}:{port}",
        upstreams=upstreams,
        static=folder,
        origin="Made by `omnibus cluster up` from server/nginx/nginx.template.",
        main=("daemon off;", f"pid {folder / STATE}/nginx.pid;"),
        access_log="off",
        folder=folder / STATE,
        trusted=trusted,
    )


def for_containers() -> bytes:
    """Return deploy/nginx.conf, which compose.yaml mounts."""
    made = Configuration(
        listen="80",
        upstreams=[f"api-{number}:8000" for number in (1, 2, 3)],
        static=Path("/srv/omnibus"),
        origin="Made from server/nginx/nginx.template, mounted as /etc/nginx/nginx.conf.",
        main=("user nginx;",),
    )
    return made.render().encode()
