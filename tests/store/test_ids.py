import uuid
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from store.ids import BookingNumbers, RefCodec, format_owned, is_ref, parse_bus, parse_owned

CODEC = RefCodec(b"a key of this house")
LARGEST_BUS = 2**63 - 1
SEVEN, EIGHT = 1 << 30, (1 << 30) + (1 << 35)
END = EIGHT + (1 << 40)

numbers = st.one_of(
    st.integers(0, SEVEN - 1), st.integers(SEVEN, EIGHT - 1), st.integers(EIGHT, END - 1)
)
buses = st.integers(1, LARGEST_BUS)


@given(numbers)
def test_a_ref_is_made_of_letters_that_nobody_confuses(number: int) -> None:
    ref = CODEC.format(number)
    assert is_ref(ref)
    assert not set(ref) & set("IO01")
    assert len(ref) == (6 if number < SEVEN else 7 if number < EIGHT else 8)


@given(st.sets(numbers, min_size=2, max_size=200))
def test_every_number_has_a_ref_of_its_own(taken: set[int]) -> None:
    assert len({CODEC.format(number) for number in taken}) == len(taken)


@pytest.mark.parametrize("first", [0, SEVEN - 20_000, SEVEN, EIGHT - 20_000, EIGHT])
def test_twenty_thousand_numbers_in_a_row_give_as_many_refs(first: int) -> None:
    refs = {CODEC.format(number) for number in range(first, first + 20_000)}
    assert len(refs) == 20_000


def test_the_permutation_is_one_to_one_over_a_whole_small_range() -> None:
    for bits in (8, 9, 10, 11):
        images = {CODEC._permute(number, bits) for number in range(1 << bits)}
        assert images == set(range(1 << bits))


def test_neighbours_look_nothing_alike_and_another_house_scatters_otherwise() -> None:
    refs = [CODEC.format(number) for number in range(100)]
    same = sum(a == b for one, two in pairwise(refs) for a, b in zip(one, two, strict=True))
    assert same < 99 * 6 / 4
    other = RefCodec(b"another house")
    assert [other.format(number) for number in range(100)] != refs


def test_numbers_that_are_used_up_are_said_to_be() -> None:
    CODEC.format(END - 1)
    with pytest.raises(OverflowError):
        CODEC.format(END)


@given(buses)
def test_a_bus_number_reads_back(bus: int) -> None:
    assert parse_bus(str(bus)) == bus


@given(buses, st.uuids())
def test_what_belongs_to_a_bus_reads_back_and_fits_a_path(bus: int, secret: uuid.UUID) -> None:
    text = format_owned(bus, secret)
    assert parse_owned(text) == (bus, secret)
    assert len(text) == 32
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=40))
@example("0")
@example("007")
@example("9223372036854775808")
@example("٣")
@example("1\n")
@example("A" * 32)
@example("_" * 32)
def test_garbage_is_no_id_and_never_an_error(text: str) -> None:
    bus = parse_bus(text)
    assert bus is None or (str(bus) == text and 0 < bus <= LARGEST_BUS)
    owned = parse_owned(text)
    assert owned is None or 0 < owned[0] <= LARGEST_BUS
    is_ref(text)


@pytest.mark.parametrize("text", ["B" * 31 + "=", "B" * 30 + "=="])
def test_a_padded_text_is_no_id(text: str) -> None:
    assert parse_owned(text) is None


def test_an_id_has_one_spelling() -> None:
    text = format_owned(1, uuid.UUID(int=2**128 - 1))
    assert "_" in text
    assert parse_owned(text.replace("_", "/")) is None


def test_numbers_come_from_blocks_of_a_thousand() -> None:
    numbers = BookingNumbers()
    assert numbers.take() is None
    numbers.refill(5001)
    assert [numbers.take() for _ in range(1000)] == list(range(5001, 6001))
    assert numbers.take() is None
