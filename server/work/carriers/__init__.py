"""Brokers that carry jobs from a relay to consumers: one module each, chosen by the scheme of their URL."""

from urllib.parse import urlsplit

from server.broker_url import RABBITMQ, SQS, STREAMS
from server.work.carriers.carrier import Carrier, CarrierLost, CarrierMissing, Delivery

__all__ = ["Carrier", "CarrierLost", "CarrierMissing", "Delivery", "find_carrier"]


def find_carrier(url: str) -> type[Carrier]:
    """Return what speaks to the broker of a URL; raise CarrierMissing when its library is not installed."""
    scheme = urlsplit(url).scheme
    try:
        if scheme in RABBITMQ:
            from server.work.carriers.rabbitmq import RabbitCarrier  # noqa: PLC0415 - an extra

            return RabbitCarrier
        if scheme in SQS:
            from server.work.carriers.sqs import SqsCarrier  # noqa: PLC0415 - an extra

            return SqsCarrier
    except ModuleNotFoundError as error:
        raise CarrierMissing(scheme, "rabbitmq" if scheme in RABBITMQ else "sqs") from error
    assert scheme in STREAMS, "the settings let no other in"
    from server.work.carriers.streams import StreamCarrier  # noqa: PLC0415 - as the others

    return StreamCarrier
