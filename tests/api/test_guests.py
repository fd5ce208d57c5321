"""Cookies and addresses of guests, and whose word on an address counts."""

from typing import Any

import pytest

from server.guests import Guests, cookie_name, read_cookie, subscriber_of
from server.proxies import Proxies

KEY = b"k" * 32


def test_a_cookie_of_ours_is_one_buyer_wherever_it_is_shown() -> None:
    guests = Guests(KEY)
    cookie = guests.new_cookie()
    assert guests.is_ours(cookie)
    here, there = guests.recognise(cookie, "192.0.2.1"), guests.recognise(cookie, "192.0.2.2")
    assert here.guest
    assert there.guest
    assert here.guest.buyer == there.guest.buyer
    assert here.guest.network != there.guest.network
    other = guests.recognise(guests.new_cookie(), "192.0.2.1")
    assert other.guest
    assert other.guest.buyer != here.guest.buyer
    assert other.guest.network == here.guest.network


@pytest.mark.parametrize("cookie", [None, "", "x", "A" * 43, "A" * 42, "é" * 43, "A" * 9999])
def test_whatever_is_not_ours_is_the_address(cookie: str | None) -> None:
    guests = Guests(KEY)
    assert not guests.is_ours(cookie)
    assert guests.recognise(cookie, "192.0.2.1") == guests.recognise(None, "192.0.2.1")
    assert guests.recognise(cookie, "192.0.2.1") != guests.recognise(None, "192.0.2.2")


def test_a_cookie_that_was_touched_or_made_elsewhere_is_not_ours() -> None:
    guests = Guests(KEY)
    cookie = guests.new_cookie()
    touched = ("B" if cookie[0] == "A" else "A") + cookie[1:]
    assert not guests.is_ours(touched)
    assert not guests.is_ours(Guests(b"other").new_cookie())


@pytest.mark.parametrize(
    ("address", "subscriber"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_subscriber_is_an_address_or_the_prefix_that_is_theirs(
    address: str, subscriber: str
) -> None:
    assert subscriber_of(address) == subscriber


def test_a_cookie_is_read_under_the_name_of_its_scheme_only() -> None:
    headers = {b"cookie": b"omnibus_buyer=plain; __Host-omnibus_buyer=secure"}
    assert read_cookie(headers, "http") == "plain"
    assert read_cookie(headers, "https") == "secure"
    assert read_cookie({}, "http") is None
    assert cookie_name("https") != cookie_name("http")


def seen(peer: str, trusted: tuple[str, ...], *headers: tuple[bytes, bytes]) -> tuple[str, str]:
    scope: dict[str, Any] = {"client": (peer, 1), "scheme": "http", "headers": [*headers]}
    Proxies(trusted).see_through(scope)
    return scope["client"][0], scope["scheme"]


@pytest.mark.parametrize(
    ("told", "client"),
    [
        (b"203.0.113.1", "203.0.113.1"),
        (b"1.1.1.1, 203.0.113.1", "203.0.113.1"),
        (b"1.1.1.1, 203.0.113.1, 10.9.9.9", "203.0.113.1"),
        (b"10.1.1.1, 10.9.9.9", "10.1.1.1"),
        (b"rubbish", "10.0.0.1"),
        (b"203.0.113.1, rubbish", "10.0.0.1"),
        (b"", "10.0.0.1"),
        (b"2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_list_of_hops_is_believed_as_far_as_our_proxies_wrote_it(
    told: bytes, client: str
) -> None:
    assert seen("10.0.0.1", ("10.0.0.0/8",), (b"x-forwarded-for", told))[0] == client


def test_a_list_in_several_headers_is_one_list() -> None:
    headers = ((b"x-forwarded-for", b"1.1.1.1"), (b"x-forwarded-for", b"203.0.113.1"))
    assert seen("10.0.0.1", ("10.0.0.0/8",), *headers)[0] == "203.0.113.1"


@pytest.mark.parametrize("trusted", [(), ("192.0.2.0/24",)])
def test_nobody_else_is_believed(trusted: tuple[str, ...]) -> None:
    headers = ((b"x-forwarded-for", b"203.0.113.1"), (b"x-forwarded-proto", b"https"))
    assert seen("10.0.0.1", trusted, *headers) == ("10.0.0.1", "http")


def test_the_scheme_is_what_our_proxy_was_asked_by() -> None:
    assert seen("::ffff:10.0.0.1", ("10.0.0.1",), (b"x-forwarded-proto", b"https"))[1] == "https"
    assert seen("10.0.0.1", ("10.0.0.1",), (b"x-forwarded-proto", b"gopher"))[1] == "http"
