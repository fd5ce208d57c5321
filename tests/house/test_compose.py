"""compose.yaml and what it mounts and builds, as far as that can be judged without a container engine."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.config import SETTINGS

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
NGINX_CONF = (ROOT / "deploy" / "nginx.conf").read_text()
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "omnibus"}
APIS = sorted(name for name in OURS if name.startswith("api-"))
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")


def environment_of(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from service.get("environment", {}).items()


def test_everything_a_small_operator_needs_is_there() -> None:
    assert set(SERVICES) == {"nginx", *APIS, "worker", "migrate", "postgres", "valkey"}
    assert len(APIS) == 3


@pytest.mark.parametrize("name", [*APIS, "nginx", "postgres", "valkey"])
def test_whoever_is_waited_for_says_when_it_is_well(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries"} <= check.keys()


def test_nobody_starts_before_what_it_needs() -> None:
    needs = {
        name: {each: on["condition"] for each, on in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    ready = {"migrate": "service_completed_successfully", "valkey": "service_healthy"}
    assert needs == {
        "nginx": dict.fromkeys(APIS, "service_healthy"),
        **dict.fromkeys(APIS, ready),
        "worker": ready,
        "migrate": {"postgres": "service_healthy"},
        "postgres": {},
        "valkey": {},
    }


def test_images_of_others_are_pinned_to_a_version() -> None:
    theirs = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    theirs += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for image in theirs:
        assert re.search(r":\d+(\.\d+)*(-\w+)?$", image), image


def test_no_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for variable, value in environment_of(service):
            if re.search(r"PASSWORD|SECRET|TOKEN|_KEY", variable):
                assert value.startswith("${"), variable
            if inside := re.search(r"://[^/@:]*:(.*)@", value):
                assert inside[1].startswith("${"), variable
    assert "POSTGRES_HOST_AUTH_METHOD" not in (ROOT / "compose.yaml").read_text()


def test_what_we_are_told_by_environment_are_settings_of_ours() -> None:
    known = {setting.variable for setting in SETTINGS}
    for service in OURS.values():
        assert {variable for variable, _ in environment_of(service)} <= known
    assert set(re.findall(r"\b(OMNIBUS_\w+)=", DOCKERFILE)) <= known


@pytest.mark.parametrize("command", sorted({service["command"][0] for service in OURS.values()}))
def test_our_services_run_commands_that_exist(command: str) -> None:
    ran = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "server", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert f"omnibus {command}" in ran.stdout


def test_our_services_have_no_more_rights_than_they_need() -> None:
    for service in OURS.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.search(r"^USER (?!root)", DOCKERFILE, re.MULTILINE)


def test_what_is_built_and_mounted_exists() -> None:
    for service in OURS.values():
        assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert (
                (ROOT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
            )
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        assert [name for name in copied.split() if not (ROOT / name).exists()] == []


def test_nginx_passes_on_to_every_api_process_at_its_port() -> None:
    port = next(setting.default for setting in SETTINGS if setting.name == "port")
    upstream = re.findall(r"^\s*server (\S+):(\d+)", NGINX_CONF, re.MULTILINE)
    assert upstream == [(name, port) for name in APIS]
    assert f"EXPOSE {port}" in DOCKERFILE
    for name in APIS:
        assert f"127.0.0.1:{port}/readyz" in SERVICES[name]["healthcheck"]["test"][-1]


def test_only_nginx_is_reached_from_outside_where_it_listens() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["nginx"]
    listening = re.findall(r"listen (\d+)", NGINX_CONF)
    assert [each.rpartition(":")[2] for each in published["nginx"]] == listening


def test_nginx_upgrades_sockets_and_lets_heartbeats_keep_them() -> None:
    assert re.search(r"location = /ws {[^}]*proxy_pass http://omnibus;", NGINX_CONF)
    assert "proxy_set_header Upgrade $http_upgrade;" in NGINX_CONF
    assert "proxy_set_header Connection $connection_header;" in NGINX_CONF
    socket = re.search(r"location = /ws {[^}]*proxy_read_timeout (\d+)s;", NGINX_CONF)
    assert socket is not None
    assert int(socket[1]) > 2 * 20, "a heartbeat comes every 20 s"


def test_metrics_are_not_for_the_world() -> None:
    assert re.search(r"location = /metrics {\s*deny all;\s*}", NGINX_CONF)


@pytest.mark.skipif(NGINX is None, reason="needs nginx, to let it judge its configuration")
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    assert NGINX is not None
    (tmp_path / "mime.types").write_text("types { text/html html; }\n")
    # Its folders, its port and the names of the API processes are a container's.
    kept = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {tmp_path};\n" for kind in kept)
    conf = re.sub(r"\bapi-\d:", "127.0.0.1:", NGINX_CONF)
    conf = conf.replace("/etc/nginx/mime.types", f"{tmp_path}/mime.types")
    conf = conf.replace("listen 80 ", "listen 18080 ")
    conf = f"pid {tmp_path}/nginx.pid;\n" + conf.replace("http {\n", f"http {{\n{folders}", 1)
    (tmp_path / "nginx.conf").write_text(conf)
    ran = subprocess.run(  # noqa: S603 - as a container would start it
        [NGINX, "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", "stderr"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
