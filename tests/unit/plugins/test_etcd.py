"""What stands in etcd may be anything: read, or refused; nothing else is lost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podname.dns import constants as c
from podname.dns import names
from podname.plugins.etcd.client import EtcdError, KeyValue
from podname.plugins.etcd.lookup import KeyNotFoundError, Services
from podname.plugins.etcd.service import Service, Value, fits, grouped, path_of

NAME = names.from_text("a.test")


class Stored:
    """Stands for etcd."""

    def __init__(self, *found: KeyValue) -> None:
        self.found, self.asked = found, list[tuple[str, bool]]()

    async def get(self, key: str, *, is_prefix: bool) -> list[KeyValue]:
        self.asked.append((key, is_prefix))
        return [
            each
            for each in self.found
            if each.key.startswith(key) and (is_prefix or each.key == key)
        ]

    async def left_seconds(self, lease: int) -> int:
        return lease


def services(*found: KeyValue, prefix: str = "skydns") -> Services:
    return Services(Stored(*found), prefix, 30, 86_400)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "prefix", "path", "parts"),
    [
        ("a.b.test.", "skydns", "/skydns/test/b/a", []),
        ("a.test.", "/sky/dns/", "/sky/dns/test/a", []),
        (".", "skydns", "/skydns", []),
        ("*.b.test.", "skydns", "/skydns/test/b", ["", "skydns", "test", "b", "*"]),
        ("x.any.test.", "skydns", "/skydns/test", ["", "skydns", "test", "any", "x"]),
    ],
)
def test_keys_of_names(name: str, prefix: str, path: str, parts: list[str]) -> None:
    assert path_of(name, prefix) == (path, parts)


def test_wildcards_fit_one_part() -> None:
    parts = ["", "skydns", "test", "any", "x"]
    assert fits("/skydns/test/b/x", parts)
    assert fits("/skydns/test/b/x/deeper", parts)
    assert not fits("/skydns/test/b/y", parts)
    assert not fits("/skydns/test/b", parts)


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"{", b"null", b"[]", b"5", b'"x"', b'{"host": 5}', b'{"port": "80"}', b"\xff\xfe"),
        *(b'{"host": "192.0.2.1", "ttl": -1}', b'{"host": "192.0.2.1", "ttl": 99999999999}'),
    ],
)
async def test_what_is_no_service_is_an_error(value: bytes) -> None:
    with pytest.raises(EtcdError, match="/skydns/test/a"):
        await services(KeyValue("/skydns/test/a", value, 0)).find(NAME, c.A)


async def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(KeyNotFoundError):
        await services().find(NAME, c.A)


@pytest.mark.parametrize(
    ("ttl", "lease", "seconds"),
    [(0, 0, 300), (60, 0, 60), (0, 10, 30), (0, 500, 500), (60, 500, 60), (0, 999_999, 86_400)],
)
async def test_ttls(ttl: int, lease: int, seconds: int) -> None:
    value = json.dumps({"host": "192.0.2.1", "ttl": ttl}).encode()
    (found,) = await services(KeyValue("/skydns/test/a", value, lease)).find(NAME, c.A)
    assert found.ttl_seconds == seconds


KEYS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)


@given(st.lists(st.tuples(KEYS, st.sampled_from(("", "g1", "g2"))), max_size=6))
def test_a_group_is_never_mixed_unless_none_is_chosen(rows: list[tuple[str, str]]) -> None:
    all_ = [Service(key, Value(host="192.0.2.1", group=group), 1) for key, group in rows]
    found = grouped(all_)
    groups = {service.value.group for service in found} - {""}
    assert found == all_ or len(groups) <= 1
    assert all(service in all_ for service in found)
