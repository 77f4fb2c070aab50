"""`rewrite` beside CoreDNS, with rules and names that hypothesis makes: many blocks in each Corefile.

Left out is what docs/deviations.md tells of `rewrite`: the last rule of each block applies to every response, so that
CoreDNS, too, puts the client's question back; blocks with `ttl` rules are asked without EDNS; no rule makes a response
that cannot be written.
"""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.cluster.directives.conftest import Beside
from tests.cluster.oracle.messages import TYPES
from tests.cluster.oracle.questions import Opt, Question, fits

BLOCK = """z{number}:{{$PORT}} {{
    bind {{$ADDRESS}}
    {rules}
    rewrite continue ttl regex .* 0-2147483647
    forward . {{$UPSTREAM}}
}}
"""
BLOCKS, COREFILES = 60, 4

LABELS = st.sampled_from(["a", "b", "ab", "www", "two", "chain", "all", "none", "fails", "empty"])
PARTS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
TARGETS = st.sampled_from([".example.com", ".b.example.com", ".a.ZONE", ".b.ZONE", ".none"])
REGEXES = st.sampled_from(
    [
        r"(.*)",
        r"^([^.]+)\.(.*)",
        r"(\w+)\.(\w+)",
        r"^(a|b)*(.+)$",
        r"([ab]+)\.(.*)\.ZONE\.$",
        r"(?i)(W+)(.)",
    ]
)
ANSWERS = st.sampled_from(
    [
        "",
        " answer auto",
        r" answer name (.*)\.example\.com\. {1}.n.ZONE",
        r" answer value (.*)\.example\.com\. {1}.v.ZONE",
        r" answer name ^www\.(.*)\.$ x.{1} answer value www y",
        r" answer auto value ^(\w+)\.(.*)\.$ {1}.v.{2}",
    ]
)
ALIASES = [
    "exact www.example.com. ",
    r"regex ^www\.example\.com\.$ ",
    "substring www.example.com. ",
]
MODES = st.sampled_from(["", "continue ", "stop "])
KINDS = st.sampled_from(["exact", "prefix", "suffix", "substring"])

NAME_RULES = st.one_of(
    st.builds("name exact {}.ZONE {}{}".format, PARTS, LABELS, TARGETS),
    st.builds("name {} {} {}".format, KINDS, PARTS, PARTS),
    st.builds("name suffix .{}.ZONE {}{}".format, LABELS, TARGETS, ANSWERS),
    st.builds("name suffix .ZONE {}{}".format, TARGETS, ANSWERS),
    st.builds("name substring .{}. .{}.{}".format, LABELS, LABELS, ANSWERS),
    st.builds("name regex {} {{1}}{}{}".format, REGEXES, TARGETS, ANSWERS),
)
OTHER_RULES = st.one_of(
    st.builds("ttl {} {} {}".format, KINDS, PARTS, st.sampled_from(["5", "301-", "-7", "299-301"])),
    st.builds(
        "rcode {} {} {} {}".format,
        st.sampled_from(["substring", "prefix"]),
        LABELS,
        st.sampled_from(["NXDOMAIN", "SERVFAIL", "NOERROR"]),
        st.sampled_from(["NOERROR", "REFUSED", "NXDOMAIN"]),
    ),
    st.builds("cname {}{}.example.com.".format, st.sampled_from(ALIASES), LABELS),
    st.sampled_from(["type AAAA A", "type MX SRV", "class CH IN"]),
)
RULES = st.lists(
    st.builds("rewrite {}{}".format, MODES, NAME_RULES | OTHER_RULES), min_size=1, max_size=5
)
ASKED = st.lists(
    st.tuples(PARTS, st.sampled_from(["A", "A", "AAAA", "MX", "SRV", "CNAME"])),
    min_size=4,
    max_size=8,
)


@settings(
    max_examples=COREFILES,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(blocks=st.lists(st.tuples(RULES, ASKED), min_size=BLOCKS, max_size=BLOCKS))
def test_generated_rules(
    beside: Beside, blocks: list[tuple[list[str], list[tuple[str, str]]]]
) -> None:
    corefile, questions = "", []
    for number, (rules, asked) in enumerate(blocks):
        zone = f"z{number}"
        text = "\n    ".join(rules).replace("ZONE", zone)
        corefile += BLOCK.format(number=number, rules=text)
        questions += [
            Question(
                f"{name}.{zone}",
                TYPES[kind],
                tcp=tcp,
                opt=Opt() if tcp and " ttl " not in text else None,
            )
            for name, kind in asked
            for tcp in (False, True)
            if fits(f"{name}.{zone}")
        ]
    with beside(corefile) as both:
        assert both.check(questions) == len(questions)
