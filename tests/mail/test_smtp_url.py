"""Where the mail server is: one URL, read strictly, that never sends a password in the clear, and is never repeated."""

import pytest

from server.config import ConfigError, load
from server.mail.smtp_url import Security, read_smtp_url

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.example", 587, Security.STARTTLS),
        ("smtp://ann:p%40ss@mail.example:2525?starttls=required", 2525, Security.STARTTLS),
        ("smtps://ann:p%40ss@mail.example", 465, Security.TLS),
        ("smtp://mail.example:25?starttls=never", 25, Security.NONE),
        ("smtp://ann:p%40ss@127.0.0.1:25?starttls=never", 25, Security.NONE),
    ],
)
def test_a_url_says_where_and_how(url: str, port: int, security: Security) -> None:
    server = read_smtp_url(url)
    assert (server.port, server.security) == (port, security)
    assert (server.user, server.password) == (("ann", "p@ss") if "ann" in url else (None, None))


@pytest.mark.parametrize(
    "url",
    [
        f"smtp://ann:{SECRET}@mail.example?starttls=never",
        f"smtp://ann:{SECRET}@mail.example?starttls=maybe",
        f"smtp://ann:{SECRET}@mail.example?tls=no",
        f"smtp://ann:{SECRET}@mail.example:port",
        f"smtp://ann:{SECRET}@",
        f"smtp://:{SECRET}@mail.example",
        f"http://ann:{SECRET}@mail.example",
        f"smtp://ann:{SECRET}@mail.example/path",
        "mail.example",
        "smtp://ann@mail.example",
    ],
)
def test_what_makes_no_sense_or_is_not_safe_stops_the_start_and_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"OMNIBUS_SMTP_URL": url})
    assert "OMNIBUS_SMTP_URL" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_password_is_shown_nowhere() -> None:
    settings = load({"OMNIBUS_SMTP_URL": f"smtps://ann:{SECRET}@mail.example"})
    server = read_smtp_url(settings.smtp_url or "")
    for shown in (repr(settings), repr(server), str(server)):
        assert SECRET not in shown
        assert "ann" not in shown.replace("mandatory", "")


@pytest.mark.parametrize(
    "sender", ["post", "a@b.org, c@d.org", "a@b.org\nBcc: c@d.org", "<a@b.org>"]
)
def test_a_sender_is_one_address(sender: str) -> None:
    with pytest.raises(ConfigError, match="OMNIBUS_MAIL_FROM"):
        load({"OMNIBUS_MAIL_FROM": sender})
    assert load({"OMNIBUS_MAIL_FROM": "post@example.org"}).mail_from == "post@example.org"
