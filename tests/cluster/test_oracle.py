"""CoreDNS and podname give the same answers on hand-made clusters full of odd cases.

Every name that the objects make one think of is asked for by every type, over UDP and TCP, with and
without EDNS, and so are their neighbours; under every Corefile of `oracle.variants`.

    .venv/bin/pytest tests/cluster/test_oracle.py
"""

import os
import random
from collections.abc import Callable, Iterator, Sequence

import pytest
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.oracle import names, odd
from tests.cluster.oracle.pair import Pair, Report
from tests.cluster.oracle.upstream import Upstream
from tests.cluster.oracle.variants import CACHED, VARIANTS, Variant

MUTATIONS = 400
SHARE = float(os.environ.get("PODNAME_ORACLE_SHARE", "0.1"))
"""How many of all these questions are asked; 1 takes a quarter of an hour."""
SUBJECTS = [
    ("coredns", "", ""),
    ("podname", "native", ""),
    ("podname", "python", ""),
    ("podname", "native", "pod_names"),
]
"""Who is compared with CoreDNS: the program, its engine, the directive of ours in its Corefile."""


@pytest.fixture(scope="module")
def upstream(bare: Cluster) -> Iterator[Upstream]:
    server = Upstream(bare.namespace)
    yield server
    server.close()


@pytest.fixture(scope="module")
def objects(bare: Cluster) -> Iterator[Sequence[Object]]:
    held = odd.cluster()
    with bare.bulk() as bulk:
        bulk.put(held)
        yield held
        bulk.delete(held)


@pytest.fixture(scope="module", params=SUBJECTS, ids=" ".join)
def pair(
    request: pytest.FixtureRequest, bare: Cluster, objects: Sequence[Object], upstream: Upstream
) -> Iterator[Pair]:
    program, engine, ours = request.param
    environment = {"UPSTREAM": upstream.address, "PODNAME_ENGINE": engine}
    every = [*VARIANTS, *CACHED]
    with Pair(bare, every, subject=program, ours=ours, environment=environment) as pair:
        yield pair


@pytest.mark.parametrize("variant", [*VARIANTS, *CACHED], ids=lambda variant: variant.name)
def test_odd_cases(
    pair: Pair, variant: Variant, objects: Sequence[Object], tell: Callable[[Report], None]
) -> None:
    chance = random.Random(variant.name)
    asked = names.all_names(objects, variant)
    questions = [*names.about(asked, chance), *names.mutated(asked, chance, MUTATIONS)]
    if variant.has("cache"):
        questions = names.once(questions)
    questions = [question for question in questions if chance.random() < SHARE]
    report = pair.compare(variant, questions, objects)
    tell(report)
    report.check()


def test_hostile_objects_cost_the_others_nothing(
    bare: Cluster, objects: Sequence[Object], upstream: Upstream, tell: Callable[[object], None]
) -> None:
    hostile = odd.hostile()
    total = Report()
    with bare.bulk() as bulk:
        bulk.put(hostile)
        try:
            with Pair(bare, VARIANTS[:3], environment={"UPSTREAM": upstream.address}) as pair:
                for variant in pair.variants:
                    chance = random.Random(variant.name)
                    asked = names.some(names.all_names(objects, variant), chance, 1500)
                    total.add(pair.compare(variant, asked, [*objects, *hostile]))
        finally:
            bulk.delete(hostile)
    tell(total)
    total.check()
