"""Which URLs name a broker, and what is said about those that do not."""

import sys

import pytest

from server.broker_url import broker_name
from server.config import ConfigError, load
from server.work.carriers import CarrierMissing, find_carrier


@pytest.mark.parametrize(
    "url",
    [
        "amqp://guest:guest@broker.example/shop",
        "amqps://broker.example:5671",
        "redis://127.0.0.1:6379/3",
        "rediss://:password@broker.example",
        "unix:///run/valkey.sock?db=1",
        "sqs://eu-central-1/omnibus-jobs.fifo",
        "sqs://key:secret@us-east-1/jobs.fifo?endpoint=http://127.0.0.1:4566",
    ],
)
def test_a_url_of_each_broker_is_taken(url: str) -> None:
    assert load({"OMNIBUS_BROKER_URL": url}).broker_url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("kafka://broker.example", "must be a URL that starts with amqp:"),
        ("redis+cluster://a:6379", "must be a URL that starts with amqp:"),
        ("amqp://", "must name a host, as in amqp://broker.example"),
        ("amqp://host:port", "is not a URL"),
        ("redis:///1", "must name a host, as in redis://broker.example"),
        ("unix://", "must name a socket"),
        ("sqs:///jobs.fifo", "must name a region, as in sqs://eu-central-1/"),
        ("sqs://eu-central-1/jobs", "must name a FIFO queue, as in sqs://eu-central-1/"),
        ("sqs://eu-central-1/jobs.fifo?endpoint=nowhere", "must have an http or https URL"),
        ("sqs://eu-central-1/jobs.fifo?region=x", "may have no parameter but `endpoint`"),
    ],
)
def test_what_is_wrong_with_a_url_is_told_with_every_other_fault(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as fault:
        load({"OMNIBUS_BROKER_URL": url, "OMNIBUS_PORT": "none"})
    assert f"OMNIBUS_BROKER_URL {said}" in str(fault.value)
    assert "OMNIBUS_PORT must be" in str(fault.value)


def test_what_is_shown_of_a_url_has_no_password() -> None:
    assert broker_name("amqp://shop:hush@broker.example:5672/v") == "amqp://broker.example:5672/v"
    url = "sqs://key:hush@eu-central-1/jobs.fifo?endpoint=http://me:hush@127.0.0.1"
    assert broker_name(url) == "sqs://eu-central-1/jobs.fifo"


@pytest.mark.parametrize(
    ("url", "library", "extra"),
    [
        ("amqp://broker.example", "aio_pika", "rabbitmq"),
        ("sqs://eu-central-1/jobs.fifo", "aiobotocore.config", "sqs"),
    ],
)
def test_a_library_that_is_missing_is_named_by_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, url: str, library: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"server.work.carriers.{extra}", raising=False)
    with pytest.raises(CarrierMissing, match=rf"pip install 'omnibus\[{extra}\]'"):
        find_carrier(url)
