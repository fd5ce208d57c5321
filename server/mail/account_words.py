"""What mails about an account say.

One may go to an address that somebody made up, so nothing in it is a stranger's to choose: no names, no words, only our
sentences and our links.
"""

from collections.abc import Callable, Mapping

from server.mail.words import Action, Paragraph, Words
from server.texts import Texts
from store.mailed_tokens import Purpose
from store.mails import PURPOSES, Mail, Template

_PARAMETERS = {Purpose.VERIFY_EMAIL: "verify", Purpose.RESET_PASSWORD: "reset"}


def account_words(mail: Mail, t: Texts, public_url: str) -> Words:
    """Return what a mail about an account says; raise KeyError when nobody wrote it."""
    link = f"{public_url}/login"
    if (purpose := PURPOSES.get(mail.template)) is not None:
        link += f"?{_PARAMETERS[purpose]}={mail.token}"
    return _WRITERS[mail.template](t, link)


def _verify_email(t: Texts, link: str) -> Words:
    return _words(
        t.gettext("Please confirm your e-mail address"),
        t.gettext(
            "Somebody, we hope you, has opened an account at Omnibus with this address. Please confirm that it is"
            " yours:"
        ),
        Action(link, t.gettext("Confirm the address")),
        t.gettext(
            "The link is good for 24 hours. You can book as usual before; but we would like to be sure that our mail"
            " reaches you when you forget your password."
        ),
        t.gettext("If it was not you, there is nothing to do."),
    )


def _confirm_new_email(t: Texts, link: str) -> Words:
    return _words(
        t.gettext("Please confirm your new e-mail address"),
        t.gettext(
            "You asked for this to be the e-mail address of your Omnibus account. It counts as soon as you follow this"
            " link:"
        ),
        Action(link, t.gettext("Confirm the address")),
        t.gettext(
            "The link is good for 24 hours. Until then your account keeps the address it has."
        ),
        t.gettext(
            "If you have no account at Omnibus, somebody mistyped theirs, and there is nothing to do."
        ),
    )


def _email_changing(t: Texts, link: str) -> Words:
    return _words(
        t.gettext("The e-mail address of your account is about to change"),
        t.gettext(
            "Somebody who knows your password has asked for another e-mail address for your Omnibus account. It will"
            " replace this one once the new one is confirmed."
        ),
        t.gettext("If it was you, there is nothing to do."),
        t.gettext("If it was not, choose another password now:"),
        Action(link, t.gettext("Choose another password")),
    )


def _reset_password(t: Texts, link: str) -> Words:
    return _words(
        t.gettext("Choose a new password"),
        t.gettext(
            "Somebody, we hope you, has asked for a new password for your Omnibus account. Choose it here:"
        ),
        Action(link, t.gettext("Choose another password")),
        t.gettext(
            "The link is good for 30 minutes, and once. Choosing a new password signs you out everywhere."
        ),
        t.gettext("If it was not you, there is nothing to do: your password stays as it is."),
    )


def _password_changed(t: Texts, link: str) -> Words:
    return _words(
        t.gettext("Your password was changed"),
        t.gettext(
            "The password of your Omnibus account is another one as of now, and all other devices are signed out."
        ),
        t.gettext("If it was you, there is nothing to do."),
        t.gettext("If it was not, take your account back by choosing another one:"),
        Action(link, t.gettext("Choose another password")),
    )


def _webhook_disabled(t: Texts, link: str) -> Words:
    return _words(
        t.gettext("A webhook was switched off"),
        t.gettext(
            "One of the webhooks that tell your systems about bookings has been switched off: it said that it is gone,"
            " or nothing could be delivered to it for five days."
        ),
        t.gettext(
            "What could not be delivered is kept for 30 days, and can be sent again when the webhook is switched on."
            " Which one it is, and what it answered, is listed for whoever administers your account:"
        ),
        Action(link, t.gettext("Sign in")),
    )


_WRITERS: Mapping[str, Callable[[Texts, str], Words]] = {
    Template.VERIFY_EMAIL: _verify_email,
    Template.CONFIRM_NEW_EMAIL: _confirm_new_email,
    Template.EMAIL_CHANGING: _email_changing,
    Template.RESET_PASSWORD: _reset_password,
    Template.PASSWORD_CHANGED: _password_changed,
    Template.WEBHOOK_DISABLED: _webhook_disabled,
}


def _words(subject: str, *parts: str | Action) -> Words:
    return Words(
        subject, tuple(Paragraph(part) if isinstance(part, str) else part for part in parts)
    )
