"""Every mail as a mail program reads it: two forms of one text, one link, and headers that nobody breaks out of."""

import uuid
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import unescape

import pytest

from server.languages import LOCALES
from server.mail.letters import House, Unwritable, as_bytes, write_letter
from store.mails import PURPOSES, Mail, Template
from tests.mail.trips import OF_TRIPS
from tests.support.mailbox import text_of

_PARSER = BytesParser(policy=policy.default)
HOME = "https://tickets.example"
HOUSE = House(HOME)
OF_ACCOUNTS = [template for template in Template if template not in OF_TRIPS]
EXPECTED = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
}
# What might end a header, begin another, or add somebody to whom it goes.
NASTY = (
    "a@b.org\nBcc: c@d.org",
    "a@b.org\r\nBcc: c@d.org",
    "a@b.org\rBcc: c@d.org",
    "a@b.org\n\n<p>another body</p>",
    "a@b.org, c@d.org",
    "a@b.org,c@d.org",
    "a@b.org;c@d.org",
    "<a@b.org>,c@d.org",
    "Ann <a@b.org>",
    "a@b.org>",
    "a@b.org\x00",
    "a@b.org\u2028Bcc: c@d.org",
    "a@b.org\x85Bcc: c@d.org",
    "=?utf-8?q?a=40b.org=0ABcc=3A_c=40d.org?=",
    "=?utf-8?q?a?=@b.org",
    '"a\nBcc: c@d.org"@b.org',
    "(comment)a@b.org",
    "group:a@b.org,c@d.org;",
    "",
    "@",
    "a@",
    "@b.org",
)


def mail(
    template: str = "verify_email", recipient: str = "ann@example.org", locale: str | None = None
) -> Mail:
    token = "t0ken-_" if template in PURPOSES else None
    moment = datetime(2030, 1, 2, tzinfo=UTC)
    return Mail(uuid.UUID(int=7), template, recipient, {}, 1, moment, token, locale)


def sent(letter: EmailMessage) -> EmailMessage:
    """Return a letter as whoever gets it reads it."""
    parsed = _PARSER.parsebytes(as_bytes(letter))
    assert isinstance(parsed, EmailMessage)
    return parsed


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("template", OF_ACCOUNTS)
def test_every_mail_says_the_same_in_text_and_html(template: Template, locale: str) -> None:
    letter = sent(write_letter(mail(template, locale=locale), HOUSE))
    assert set(letter.keys()) == EXPECTED
    assert letter.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    page = letter.get_body(("html",))
    assert page is not None
    html, text = unescape(page.get_content()), text_of(letter)
    assert letter["Content-Language"] == locale
    assert f'lang="{locale}" dir="{"rtl" if locale == "ar" else "ltr"}"' in html
    assert "$" not in text
    for word in text.split():
        assert word in html, word
    assert letter["Message-ID"] == f"<{uuid.UUID(int=7)}@tickets.example>"
    assert letter["Date"].datetime == datetime(2030, 1, 2, tzinfo=UTC)
    assert letter["To"].addresses[0].addr_spec == "ann@example.org"


@pytest.mark.parametrize("template", OF_ACCOUNTS)
def test_every_mail_has_one_link_to_our_own_pages_and_nothing_to_load(template: Template) -> None:
    source = as_bytes(write_letter(mail(template), HOUSE)).decode()
    purpose = {"verify_email": "?verify=t0ken-_", "reset_password": "?reset=t0ken-_"}
    suffix = purpose.get(PURPOSES[template], "") if template in PURPOSES else ""
    links = {
        word
        for word in source.replace('"', " ").replace("<", " ").replace(">", " ").split()
        if "//" in word
    }
    assert links == {f"{HOME}/login{suffix}"}
    assert not any(loaded in source.lower() for loaded in ("<img", "<link", "url(", "<script"))


def test_a_mail_is_the_same_to_the_byte_whenever_it_is_written() -> None:
    assert as_bytes(write_letter(mail(), HOUSE)) == as_bytes(write_letter(mail(), HOUSE))


@pytest.mark.parametrize("recipient", NASTY)
def test_no_address_adds_a_header_a_body_or_another_reader(recipient: str) -> None:
    try:
        letter = sent(write_letter(mail(recipient=recipient), HOUSE))
    except Unwritable:
        return
    assert set(letter.keys()) == EXPECTED
    assert len(letter["To"].addresses) == 1
    assert "c@d.org" not in {each.addr_spec for each in letter["To"].addresses}
    assert len(list(letter.iter_parts())) == 2


@pytest.mark.parametrize(
    "recipient",
    ["ann@example.org", "o'hara+tag@example.org", "jörg@müller.example", "用户@例子.测试"],
)
def test_an_address_that_is_one_arrives_as_it_is(recipient: str) -> None:
    letter = sent(write_letter(mail(recipient=recipient), HOUSE))
    (address,) = letter["To"].addresses
    # The parser keeps bytes it cannot read as what they were.
    assert address.addr_spec.encode(errors="surrogateescape").decode() == recipient


def test_a_domain_of_other_letters_is_written_as_the_dns_knows_it() -> None:
    letter = write_letter(mail(recipient="ann@straße.example"), HOUSE)
    (address,) = sent(letter)["To"].addresses
    assert address.addr_spec == "ann@xn--strae-oqa.example", "not strasse.example, which is another"
    assert as_bytes(letter).isascii()


@pytest.mark.parametrize("locale", LOCALES)
def test_a_mail_travels_as_ascii_in_lines_that_old_servers_take(locale: str) -> None:
    data = as_bytes(write_letter(mail("reset_password", locale=locale), HOUSE))
    assert data.isascii()
    head, _, body = data.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 78
    assert max(map(len, body.split(b"\r\n"))) <= 998


def test_a_mail_comes_from_the_address_that_is_set() -> None:
    letter = sent(write_letter(mail(), House(HOME, "post@omnibus.example")))
    assert letter["From"] == "Omnibus <post@omnibus.example>"
    assert sent(write_letter(mail(), HOUSE))["From"] == "Omnibus <no-reply@tickets.example>"


def test_a_mail_that_nobody_has_written_a_text_for_is_not_sent() -> None:
    for unknown in ("unknown", "../letters", ""):
        with pytest.raises(Unwritable):
            write_letter(mail(unknown), HOUSE)


def test_at_home_without_a_name_a_mail_is_complete_all_the_same() -> None:
    letter = sent(write_letter(mail(), House("http://127.0.0.1:8000")))
    assert "http://127.0.0.1:8000/login?verify=t0ken-_" in text_of(letter)
    assert letter["Message-ID"].endswith("@127.0.0.1>")
