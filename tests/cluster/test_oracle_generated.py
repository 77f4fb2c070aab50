"""CoreDNS and podname give the same answers on clusters that nobody thought of, while they change.

hypothesis makes up clusters whose names and addresses collide, and what becomes of them. Both servers
follow the same API server; when both show the markers written last, they are asked for every name
that the objects make one think of and for their neighbours, under every Corefile of
`oracle.variants`.

    .venv/bin/pytest tests/cluster/test_oracle_generated.py
    PODNAME_ORACLE_EXAMPLES=2000 .venv/bin/pytest tests/cluster/test_oracle_generated.py   # a night
"""

import os
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.cluster.harness.api import Object
from tests.cluster.harness.cluster import Cluster
from tests.cluster.oracle import names
from tests.cluster.oracle.changing import Changing
from tests.cluster.oracle.grammar import lives
from tests.cluster.oracle.pair import Pair, Report
from tests.cluster.oracle.upstream import Upstream
from tests.cluster.oracle.variants import VARIANTS

EXAMPLES = int(os.environ.get("PODNAME_ORACLE_EXAMPLES", "12"))
QUESTIONS = 60
"""For each Corefile and each state of a cluster."""


@pytest.fixture(scope="module", params=["", "pod_names", "pod_names\n        coredns_ptr"])
def pair(request: pytest.FixtureRequest, bare: Cluster) -> Iterator[Pair]:
    upstream = Upstream(bare.namespace)
    with Pair(
        bare, VARIANTS, ours=request.param, environment={"UPSTREAM": upstream.address}
    ) as pair:
        yield pair
    upstream.close()


def test_generated_clusters(pair: Pair, bare: Cluster, tell: Callable[[object], None]) -> None:
    total = Report()
    with bare.bulk() as bulk:
        changing = Changing(bulk)

        @settings(
            max_examples=EXAMPLES,
            database=None,
            derandomize=EXAMPLES < 100,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(lives(), st.integers(0, 1 << 16))
        def compare(states: list[list[Object]], seed: int) -> None:
            for state in states:
                objects = changing.become(state)
                changing.wait(pair)
                report = Report()
                for variant in pair.variants:
                    chance = random.Random(f"{seed} {variant.name}")
                    asked = names.all_names(objects, variant)
                    questions = names.some(asked, chance, QUESTIONS)
                    report.add(pair.compare(variant, questions, objects))
                total.add(report)
                report.check()

        try:
            compare()
        finally:
            changing.become([])
            tell(total)
