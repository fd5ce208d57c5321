"""The signed code of a ticket: short, believed without a network, and changed by nobody."""

import base64
from contextlib import suppress

import pytest
import segno
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from server.ticketing.base45 import ALPHABET, decode45, encode45
from server.ticketing.token import LONGEST, KeysUsedUp, TicketKeys, new_ticket_key, read
from store.ids import LARGEST_BUS, RefCodec
from store.model import Leg
from store.scans import BadSignature, SignedTicket
from tests.ticketing.trips import KEYS

LARGEST_BOOKING = 2**63 - 1
buses = st.one_of(st.integers(1, LARGEST_BUS), st.integers(1, 2**32 + 1))
bookings = st.one_of(st.integers(1, LARGEST_BOOKING), st.integers(1, 2**40 + 1))
legs = st.tuples(st.integers(0, 200), st.integers(0, 200)).map(lambda ends: Leg(*sorted(ends)))
tickets = st.builds(
    SignedTicket,
    buses,
    bookings,
    st.integers(1, 200),
    legs,
    st.binary(min_size=4, max_size=4),
)


def raw_of(code: str) -> bytes:
    """Return the bytes that a code is made of."""
    if code.startswith("_"):
        return base64.urlsafe_b64decode(code[1:] + "=")
    raw = decode45(code)
    assert raw is not None
    return raw


def code_of(raw: bytes) -> str:
    if len(raw) == 80:
        return encode45(raw)
    return "_" + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def says_the_same(read_back: object, ticket: SignedTicket) -> bool:
    assert isinstance(read_back, SignedTicket)
    assert ticket.code_start.startswith(read_back.code_start)
    assert len(read_back.code_start) >= 2
    return (read_back.bus_id, read_back.booking_id, read_back.seat_no, read_back.leg) == (
        ticket.bus_id,
        ticket.booking_id,
        ticket.seat_no,
        ticket.leg,
    )


@given(tickets)
@settings(max_examples=300)
def test_a_code_says_what_it_was_made_of_and_is_never_longer_than_it_may(
    ticket: SignedTicket,
) -> None:
    code = KEYS.mint(ticket)
    assert len(code) <= LONGEST
    assert code == code.strip()
    assert says_the_same(KEYS.read(code), ticket)
    assert KEYS.mint(ticket) == code


@pytest.mark.parametrize("bus_id", [1, 2**32 - 1, 2**32, LARGEST_BUS])
@pytest.mark.parametrize("number", [1, 2**40 - 1, 2**40, LARGEST_BOOKING])
def test_the_largest_numbers_fit(bus_id: int, number: int) -> None:
    ticket = SignedTicket(bus_id, number, 200, Leg(199, 200), b"\xff" * 4)
    code = KEYS.mint(ticket)
    assert len(code) == LONGEST
    assert says_the_same(KEYS.read(code), ticket)
    assert code.startswith("_") is (bus_id >= 2**32 or number >= 2**40)


@given(tickets, st.data())
@settings(max_examples=200)
def test_whichever_bit_is_flipped_the_signature_is_bad(
    ticket: SignedTicket, data: st.DataObject
) -> None:
    raw = bytearray(raw_of(KEYS.mint(ticket)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert KEYS.read(code_of(bytes(raw))) == BadSignature()


def test_every_single_bit_of_both_kinds_counts() -> None:
    for number in (7, 2**50):
        raw = raw_of(KEYS.mint(SignedTicket(42, number, 1, Leg(0, 1), b"code")))
        for bit in range(len(raw) * 8):
            forged = bytearray(raw)
            forged[bit // 8] ^= 1 << bit % 8
            assert KEYS.read(code_of(bytes(forged))) == BadSignature(), bit


def test_a_code_has_one_spelling() -> None:
    code = KEYS.mint(SignedTicket(42, 2**50, 1, Leg(0, 1), b"code"))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # The last letter has two bits that are no part of the bytes.
    others = [code[:-1] + letter for letter in alphabet if letter != code[-1]]
    assert [KEYS.read(other) for other in others] == [BadSignature()] * 63


@given(st.text(ALPHABET, min_size=120, max_size=120))
def test_whatever_has_the_shape_of_a_code_and_is_not_signed_is_bad(text: str) -> None:
    assert KEYS.read(text) == BadSignature()


@pytest.mark.parametrize(
    "text", ["", "K7QX2M", "A" * 32, "A" * 119, "A" * 121, "a" * 120, "_", "\u0660" * 120]
)
def test_what_is_no_code_is_none(text: str) -> None:
    assert KEYS.read(text) is None


def test_with_the_public_key_alone_it_is_believed_and_with_another_it_is_not() -> None:
    ticket = SignedTicket(42, 7, 1, Leg(0, 1), b"code")
    code = KEYS.mint(ticket)
    (public,) = KEYS.public
    raw = base64.urlsafe_b64decode(public.text + "=")
    offline = {public.number: Ed25519PublicKey.from_public_bytes(raw)}
    assert says_the_same(read(code, offline), ticket)
    assert read(code, {}) == BadSignature()
    assert TicketKeys([new_ticket_key()]).read(code) == BadSignature()


def test_a_key_that_no_longer_signs_still_verifies() -> None:
    old, ticket = new_ticket_key(), SignedTicket(42, 7, 1, Leg(0, 1), b"code")
    keys = TicketKeys([old])
    before, called = keys.mint(ticket), keys.fingerprint
    keys.use([new_ticket_key([old.key_id]), old])
    assert keys.mint(ticket) != before
    assert keys.fingerprint != called
    assert says_the_same(keys.read(before), ticket)
    assert says_the_same(keys.read(keys.mint(ticket)), ticket)
    keys.use([new_ticket_key([old.key_id])])
    assert keys.read(before) == BadSignature()


def test_keys_have_numbers_of_their_own_until_these_are_used_up() -> None:
    taken: list[str] = []
    with suppress(KeysUsedUp):
        while len(taken) < 300:
            taken.append(new_ticket_key(taken).key_id)
    assert len(set(taken)) == len(taken)
    assert 240 < len(taken) < 256
    with pytest.raises(KeysUsedUp):
        new_ticket_key(taken)


def test_a_narrow_code_makes_a_smaller_qr_code_than_base64_would() -> None:
    code = KEYS.mint(SignedTicket(123_456, 9_876_543, 41, Leg(0, 12), b"code"))
    there = segno.make_qr(code, error="m")
    other = segno.make_qr(base64.urlsafe_b64encode(raw_of(code)).decode().rstrip("="), error="m")
    assert (there.mode, there.symbol_size(border=0)) == ("alphanumeric", (37, 37))
    assert other.symbol_size(border=0) == (45, 45)


@given(st.binary(max_size=99))
def test_base45_comes_back(raw: bytes) -> None:
    assert decode45(encode45(raw)) == raw


def test_base45_is_as_the_standard_has_it() -> None:
    assert encode45(b"Hello!!") == "%69 VD92EX0"
    assert encode45(b"ietf!") == "QED8WEX0"
    assert decode45("QED8WEX0") == b"ietf!"
    for wrong in ("GGW", ":::", "a", "A", "::"):
        assert decode45(wrong) is None


def test_every_ref_that_there_will_be_has_a_narrow_code() -> None:
    refs = RefCodec(b"key")
    assert len(refs.format(2**40 - 1)) == 8
    assert not KEYS.mint(SignedTicket(1, 2**40 - 1, 1, Leg(0, 1), b"code")).startswith("_")
