import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from store.ids import LARGEST_BUS
from store.seals import Seals

SEALS = Seals(b"a key of this house")
OTHER = Seals(b"another house")

buses, bookings = st.integers(1, LARGEST_BUS), st.integers(1, 2**63 - 1)


@given(bookings)
def test_an_access_key_opens_its_booking_and_no_other(booking: int) -> None:
    key = SEALS.access_key(booking)
    assert SEALS.is_access_key(key, booking)
    assert not SEALS.is_access_key(key, booking - 1)
    assert not OTHER.is_access_key(key, booking)
    assert len(key) == 22


@given(buses, bookings)
def test_a_payment_says_where_its_booking_is(bus: int, booking: int) -> None:
    text = SEALS.payment(bus, booking)
    assert SEALS.parse_payment(text) == (bus, booking)
    assert OTHER.parse_payment(text) is None


@given(buses, bookings, st.integers(0, 31), st.sampled_from("AZaz09-_+/=\n "))
def test_a_payment_that_was_tampered_with_is_none(
    bus: int, booking: int, place: int, letter: str
) -> None:
    text = SEALS.payment(bus, booking)
    tampered = text[:place] + letter + text[place + 1 :]
    assert tampered == text or SEALS.parse_payment(tampered) is None


@given(st.text(max_size=40))
@example("A" * 32)
@example("A" * 31 + "=")
@example("\u0663" * 32)
def test_garbage_is_no_payment_and_never_an_error(text: str) -> None:
    assert SEALS.parse_payment(text) is None
    assert not SEALS.is_access_key(text, 1)


@pytest.mark.parametrize("places", ["-_", "+/"])
def test_a_payment_has_one_spelling(places: str) -> None:
    spelt = next(
        text for number in range(1, 10_000) if {*"-_"} <= {*(text := SEALS.payment(1, number))}
    )
    other = spelt.translate(str.maketrans("-_", places))
    assert (SEALS.parse_payment(other) is not None) == (other == spelt)


def test_an_access_key_is_no_seal_of_a_payment() -> None:
    assert SEALS.access_key(1)[:11] not in SEALS.payment(1, 1)


@given(buses, st.uuids(), st.integers(1, 2**62), st.integers(0, 2**40 - 1))
def test_a_handover_is_for_one_hold_of_one_device_until_one_moment(
    bus: int, hold: uuid.UUID, device: int, until: int
) -> None:
    token = SEALS.handover(bus, hold, device, until)
    assert SEALS.is_handover(token, bus, hold, device) == until
    assert SEALS.is_handover(token, bus - 1, hold, device) is None
    assert SEALS.is_handover(token, bus, uuid.UUID(int=hold.int ^ 1), device) is None
    assert SEALS.is_handover(token, bus, hold, device + 1) is None
    assert OTHER.is_handover(token, bus, hold, device) is None
    later = SEALS.handover(bus, hold, device, (until + 1) % 2**40)
    assert SEALS.is_handover(later[:7] + token[7:], bus, hold, device) is None
