"""Which carrier mails go by, as the settings say."""

from server.config import Settings
from server.mail.carrier import Carrier
from server.mail.letters import House
from server.mail.postman import Postman
from server.mail.sink import FileSink
from server.mail.smtp import SmtpCarrier
from server.mail.smtp_url import read_smtp_url
from store import Store


def open_postman(store: Store, settings: Settings) -> Postman:
    """Return who sends the mails of this installation; nothing is connected before the first one."""
    house = House(settings.address, settings.mail_from)
    carrier: Carrier
    if settings.smtp_url is None:
        carrier = FileSink(settings.mail_folder)
    else:
        carrier = SmtpCarrier(read_smtp_url(settings.smtp_url), name=house.host)
    return Postman(store, carrier, house)
