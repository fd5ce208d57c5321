"""compose.yaml and what it mounts and builds, as far as that can be judged without a container engine."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from server.broker_url import read_broker_url
from server.config import SETTINGS
from server.nginx import for_containers, for_one_machine
from server.work.carriers import find_carrier
from tests.support.cluster_up import NGINX, needs_nginx

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
NGINX_CONF = (ROOT / "deploy" / "nginx.conf").read_text()
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "omnibus"}
APIS = sorted(name for name in OURS if name.startswith("api-"))
BROKERS = {
    service["profiles"][0]: name for name, service in SERVICES.items() if "profiles" in service
}


def settings_of(path: Path) -> dict[str, str]:
    """Return what a file of variables sets."""
    lines = path.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def environment_of(service: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from service.get("environment", {}).items()


def test_everything_a_small_operator_needs_is_there() -> None:
    always = set(SERVICES) - set(BROKERS.values())
    assert always == {"nginx", *APIS, "worker", "migrate", "static", "postgres", "valkey"}
    assert len(APIS) == 3
    assert "OMNIBUS_BROKER_URL: ${OMNIBUS_BROKER_URL:-}" in (ROOT / "compose.yaml").read_text()


@pytest.mark.parametrize(
    ("broker", "carrier"),
    [("rabbitmq", "RabbitCarrier"), ("sqs", "SqsCarrier"), ("streams", "StreamCarrier")],
)
def test_each_broker_has_a_profile_and_what_it_takes_to_speak_to_it(
    broker: str, carrier: str
) -> None:
    given = settings_of(ROOT / "deploy" / f"{broker}.env")
    url = given["OMNIBUS_BROKER_URL"].replace("${OMNIBUS_BROKER_PASSWORD}", "secret")
    assert find_carrier(read_broker_url(url)).__name__ == carrier
    named = SERVICES[BROKERS[broker]]
    place = urlsplit(parse_qs(urlsplit(url).query).get("endpoint", [url])[0])
    assert place.hostname == BROKERS[broker]
    if broker == "rabbitmq":
        assert named["environment"]["RABBITMQ_DEFAULT_USER"] == place.username
        assert "${OMNIBUS_BROKER_PASSWORD}" in given["OMNIBUS_BROKER_URL"]
    if broker == "sqs":
        assert named["environment"]["MOTO_PORT"] == str(place.port)
    if broker == "streams":
        assert named["command"][-2:] == ["--maxmemory-policy", "noeviction"]
    # Streams need nothing but what is there anyway.
    assert given.get("REQUIREMENTS") == (None if broker == "streams" else "brokers")
    spoken = f"--env-file deploy/{broker}.env --profile {broker} up"
    assert spoken in (ROOT / "deploy" / f"{broker}.env").read_text()


def test_an_image_is_built_from_a_lock_that_exists() -> None:
    (choice,) = {service["build"]["args"]["REQUIREMENTS"] for service in OURS.values()}
    assert choice == "${REQUIREMENTS:-run}"
    assert "ARG REQUIREMENTS=run\n" in DOCKERFILE
    for name in ("run", "brokers"):
        assert (ROOT / "requirements" / f"{name}.txt").is_file()


@pytest.mark.parametrize("name", [*APIS, "nginx", "postgres", "valkey", *BROKERS.values()])
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
        "nginx": {
            **dict.fromkeys(APIS, "service_healthy"),
            "static": "service_completed_successfully",
        },
        **dict.fromkeys(APIS, ready),
        "worker": ready,
        "migrate": {"postgres": "service_healthy"},
        "static": {},
        "postgres": {},
        "valkey": {},
        # Nobody waits for a broker: sales go on without.
        **{name: {} for name in BROKERS.values()},
    }


def test_images_of_others_are_pinned_to_a_version() -> None:
    theirs = [service["image"] for name, service in SERVICES.items() if name not in OURS]
    theirs += re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)
    for image in theirs:
        assert re.search(r":\d+(\.\d+)*(-\w+)?$", image), image


def test_every_stage_is_of_one_base_that_can_be_given_by_digest() -> None:
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    (default,) = re.findall(r"^ARG PYTHON_IMAGE=(\S+)", DOCKERFILE, re.MULTILINE)
    told = SERVICES["api-1"]["build"]["args"]
    assert told["PYTHON_IMAGE"] == f"${{PYTHON_IMAGE:-{default}}}"
    assert set(told) == set(re.findall(r"^ARG (\w+)", DOCKERFILE, re.MULTILINE))


def test_an_image_is_the_same_for_the_same_sources_and_runs_as_nobody_in_particular() -> None:
    stages = DOCKERFILE.split("\nFROM ")[1:]
    assert len(stages) == 2
    for stage in stages:
        epoch, first_run = stage.index("ARG SOURCE_DATE_EPOCH"), stage.index("\nRUN ")
        assert epoch < first_run, "what compiles Python has to know it"
    for line in re.findall(r"^RUN .*pip install.*$", DOCKERFILE, re.MULTILINE):
        assert "--no-cache-dir" in line
        assert "--require-hashes" in line or "--no-deps" in line
    assert "ADD " not in DOCKERFILE
    assert "apt-get" not in DOCKERFILE
    assert "pip install" not in stages[1], "pip stays behind with the stage that needs it"
    (uid, gid) = re.findall(r"--(?:uid|gid) (\d+)", stages[1])
    assert uid == gid
    assert f"USER {uid}:{gid}" in stages[1].partition("ENTRYPOINT")[0]


def test_an_image_is_made_of_what_is_in_the_repository_and_nothing_besides() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert kept == {name.split("/")[0] for source in sources for name in source.split()}
    assert "*" in ignored
    assert "**/__pycache__" in ignored


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
        given = {variable for variable, _ in environment_of(service)}
        # Those of libraries, and of the system: where files are that nobody is to find.
        theirs = {variable for variable in given if variable.startswith("AWS_")} | {"TMPDIR"}
        assert given - theirs <= known
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
    assert re.search(r"^USER (?!0\b)\d+", DOCKERFILE, re.MULTILINE)


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


def test_only_who_has_the_key_repeats_what_may_have_been_done() -> None:
    # Without this word nginx sends a POST or PATCH again only if nobody had got any of it.
    assert "non_idempotent" not in NGINX_CONF
    assert NGINX_CONF.count("proxy_next_upstream error timeout;") == 1
    assert re.search(
        r"location = /ws {[^}]*proxy_next_upstream error timeout http_503;", NGINX_CONF
    )


def test_nobody_says_by_themselves_where_they_come_from() -> None:
    assert re.findall(r"X-Forwarded-For (.*);", NGINX_CONF) == ["$remote_addr"]
    assert "$proxy_add_x_forwarded_for" not in NGINX_CONF


def test_the_files_that_nginx_serves_are_written_where_it_looks() -> None:
    (written,) = [volume.split(":")[1] for volume in SERVICES["static"]["volumes"]]
    command = SERVICES["static"]["command"]
    assert command == ["static", "build", "--out", written]
    (root,) = re.findall(r"root (\S+);", NGINX_CONF)
    name = SERVICES["static"]["volumes"][0].split(":")[0]
    assert f"{name}:{root}:ro" in SERVICES["nginx"]["volumes"]
    assert f"-o omnibus {written}" in DOCKERFILE or f" {written} " in DOCKERFILE


def test_the_configuration_of_containers_and_of_one_machine_are_one(tmp_path: Path) -> None:
    one_machine = for_one_machine(
        tmp_path, host="127.0.0.1", port=80, upstreams=[f"{name}:8000" for name in APIS]
    )
    assert for_containers().decode() == NGINX_CONF
    ours, theirs = one_machine.render().splitlines(), NGINX_CONF.splitlines()
    differing = {line.split()[0] for line in {*ours} ^ {*theirs}}
    temporary = {
        f"{kind}_temp_path" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    }
    assert differing == {"#", "daemon", "pid", "user", "access_log", "listen", "root", *temporary}


@needs_nginx
@pytest.mark.parametrize("place", ["containers", "one machine"])
def test_nginx_takes_its_configuration(tmp_path: Path, place: str) -> None:
    if place == "one machine":
        upstreams = ["127.0.0.1:18001", "127.0.0.1:18002"]
        (tmp_path / "state").mkdir()
        conf = for_one_machine(tmp_path, host="127.0.0.1", port=18080, upstreams=upstreams).render()
    else:
        # Its folders, its user, its port and the names of the API processes are a container's.
        temporary = "".join(f"{kind}_temp_path {tmp_path};\n" for kind in ("client_body", "proxy"))
        temporary += "".join(
            f"{kind}_temp_path {tmp_path};\n" for kind in ("fastcgi", "uwsgi", "scgi")
        )
        conf = re.sub(r"\bapi-\d:", "127.0.0.1:", NGINX_CONF).replace("listen 80 ", "listen 18080 ")
        conf = conf.replace("user nginx;", f"pid {tmp_path}/nginx.pid;")
        conf = conf.replace("http {\n", f"http {{\n{temporary}", 1)
    (tmp_path / "nginx.conf").write_text(conf)
    ran = subprocess.run(  # noqa: S603 - as a container would start it
        [str(NGINX), "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", "stderr"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "[warn]" not in ran.stderr
