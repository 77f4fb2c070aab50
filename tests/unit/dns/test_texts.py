"""The names of types, classes and RCODEs, read."""

from collections.abc import Callable

import pytest

from podname.dns.texts import class_of, rcode_of, type_of


@pytest.mark.parametrize(
    ("read", "text", "number"),
    [
        (type_of, "AAAA", 28),
        (type_of, "type65280", 65280),
        (class_of, "CH", 3),
        (class_of, "CLASS32", 32),
        (rcode_of, "nxdomain", 3),
        (rcode_of, "BADVERS", 16),
    ],
)
def test_a_name_is_read(read: Callable[[str], int], text: str, number: int) -> None:
    assert read(text) == number


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (type_of, "NO-TYPE"),
        (type_of, "TYPE65536"),
        (class_of, "XX"),
        (rcode_of, "NO"),
        (rcode_of, "3"),
        (rcode_of, "RCODE3"),
    ],
)
def test_what_names_nothing_is_refused(read: Callable[[str], int], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        read(text)
