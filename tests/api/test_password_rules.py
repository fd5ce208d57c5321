"""Which passwords anybody would try first, and that a longer thought is never refused."""

import pytest

from server.demo import DEMO_USERS
from server.password_rules import fault_of

OWN = ("Grace Hopper", "grace.hopper@example.org")


@pytest.mark.parametrize(
    "password",
    [
        *("xxxxxxxx", "abababab", "12341234", "abcabcabc", "aabbaabb", "00000000", "x" * 128),
        *("12345678", "123456789", "1234567890", "87654321", "abcdefgh", "zyxwvuts", "11112222"),
        *("qwertyui", "qwertz123", "asdfghjkl", "azertyuiop", "1qaz2wsx", "1q2w3e4r", "qazwsxedc"),
        *("poiuytrewq", "qwerasdf", "zxcvbnm123", "QWERTY123456", "asdf1234", "abcd1234"),
        *("password", "Password1", "P@ssw0rd", "passw0rd!", "p4ssw0rd2026", "password123"),
        *("iloveyou", "sunshine1", "princess", "football!", "letmein123", "trustno1", "superman"),
        *("passwordpassword", "welcome2026", "baseball", "michelle", "jennifer1", "starwars"),
        *("gracehopper", "GraceHopper1", "hopper99", "grace.hopper", "hoppergrace!", "99hopper99"),
        "grace.hopper@example.org",
    ],
)
def test_what_anybody_tries_first_is_refused(password: str) -> None:
    assert fault_of(password, own=OWN) is not None


@pytest.mark.parametrize(
    "password",
    [
        *("correct horse", "long enough", "a good long password", "another good password"),
        *("canary word", "battery staple", "demo-grace", "hopper likes wolves", "xkcd-936-rocks"),
        *(
            "tr0ub4dor&3",
            "qwertunicorn",
            "4711 monkeys dance",
            "ключ от дома",
            "пароль-зимой",
            "🚌🚌🚏🚌🎫🪑🌧️☂️",
        ),
        *("correcthorsebatterystaple", "j8Kq2vLw", "nnnnnnnope", "12345678 oranges"),
    ],
)
def test_what_takes_a_thought_is_not(password: str) -> None:
    assert fault_of(password, own=OWN) is None


def test_a_password_is_judged_by_its_own_owner_only() -> None:
    assert fault_of("gracehopper", own=("Ada Lovelace", "ada@example.org")) is None
    assert fault_of("annabel seven", own=("Ann", "ann@example.org")) is None, "too short to tell"


def test_the_demos_passwords_stay_good() -> None:
    for user in DEMO_USERS:
        assert fault_of(user.password, own=(user.name, user.email)) is None
