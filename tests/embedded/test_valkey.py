import stat
import subprocess
from collections.abc import Iterator

import pytest
import redis

from server.embedded.valkey import stop_orphan
from tests.embedded.parent import wait_until
from tests.support.servers import ThrowawayValkey


@pytest.fixture
def valkey() -> Iterator[ThrowawayValkey]:
    with ThrowawayValkey() as server:
        yield server


@pytest.fixture
def client(valkey: ThrowawayValkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        yield client


def setting(client: redis.Redis, name: str) -> str:
    found = client.config_get(name)
    assert isinstance(found, dict)
    return str(found[name])


def test_it_is_bounded_and_writes_nothing_to_disk(client: redis.Redis) -> None:
    assert setting(client, "save") == ""
    assert setting(client, "appendonly") == "no"
    assert setting(client, "maxmemory") == str(128 * 1024 * 1024)
    assert setting(client, "maxmemory-policy") == "allkeys-lru"


def test_only_its_own_user_can_reach_it(valkey: ThrowawayValkey, client: redis.Redis) -> None:
    assert setting(client, "port") == "0"
    path = setting(client, "unixsocket")
    assert valkey.url == f"unix://{path}"
    assert stat.S_IMODE(valkey._run_folder.stat().st_mode) == 0o700


@pytest.mark.fault
def test_it_comes_back_empty_after_a_kill(valkey: ThrowawayValkey, client: redis.Redis) -> None:
    client.set("hint", "1")
    valkey.kill()
    with pytest.raises(redis.ConnectionError):
        client.get("hint")
    valkey.start()
    assert client.get("hint") is None


@pytest.mark.fault
def test_an_orphan_is_ended_through_its_socket(valkey: ThrowawayValkey) -> None:
    valkey.stop()
    launch = valkey.service.prepare()
    identity = launch.identity
    with subprocess.Popen(  # noqa: S603 - the product's own command
        launch.argv,
        env=launch.env,
        cwd=launch.folder,
        stdout=subprocess.DEVNULL,
        user=identity.uid if identity else None,
    ) as orphan:
        wait_until(valkey.service.is_ready, "the orphan runs")
        stop_orphan(valkey._run_folder)
        assert orphan.wait() == 0


def test_a_frozen_server_answers_when_thawed(valkey: ThrowawayValkey, client: redis.Redis) -> None:
    client.ping()
    valkey.freeze()
    with (
        redis.Redis.from_url(valkey.url, socket_timeout=0.2) as other,
        pytest.raises(redis.TimeoutError),
    ):
        other.ping()
    valkey.thaw()
    assert client.ping()
