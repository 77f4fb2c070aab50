"""The short way for a pod as nearly all are gives what the long one gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from podname.names import pods
from tests.unit.names.cluster import Cluster, options, pod

names = st.one_of(
    st.from_regex(r"[a-zA-Z0-9]([a-z0-9.-]{0,70}[a-z0-9])?", fullmatch=True),
    st.sampled_from(["10-0-0-1", "fd00--1", "a-b-c-d", "1.2.3.4", "ab", "é", "x" * 64]),
)
texts = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(["::ffff:10.0.0.1", "10.0.0.01", "bad", ""]),
)


@given(
    names,
    texts,
    st.sampled_from(["Running", "Unknown"]),
    st.sampled_from(["disabled", "insecure", "verified"]),
    st.booleans(),
)
def test_a_plain_pods_names(name: str, text: str, phase: str, mode: str, pod_names: bool) -> None:
    made = pod(name, text, phase=phase) if text else pod(name, phase=phase)
    chosen = options(pods=mode, pod_names=pod_names)
    short, long_ = Cluster(chosen).compiler, Cluster(chosen).compiler
    short.exposure.appear("default")
    long_.exposure.appear("default")
    short.pods.put(made)
    long_.pods._put_any(made)
    assert short.changes._put == long_.changes._put
    plain = pods.plain(made)
    assert plain is None or [plain[1]] == pods.addresses_of(made)
