"""What people and programs read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from podname.doctor import show
from podname.doctor.facts import Api, Reach, Where
from podname.doctor.judge import CHECKS, judge
from podname.erlang.epmd import Epmd
from tests.unit.doctor.scene import NODE, OWN, facts

BROKEN = facts(reach=Reach("10.42.3.7", Epmd(4369, error="refused")))


def test_text_has_a_line_for_each_check_and_the_fix_below() -> None:
    lines = show.text(BROKEN, judge(BROKEN)).splitlines()
    assert lines[0] == f"{NODE}, from inside a pod"
    at = next(number for number, line in enumerate(lines) if line.startswith("FAILS"))
    assert lines[at] == "FAILS port            epmd at 10.42.3.7:4369: refused"
    assert lines[at + 1].lstrip().startswith("why: ")
    assert lines[at + 2].lstrip().startswith("fix: ")
    assert lines[-1] == "fails: port; 3 could not be seen"
    assert show.text(facts(), judge(facts())).endswith("\n\nnothing fails")


def test_that_the_api_server_cannot_be_asked_is_said_first() -> None:
    blind = facts(where=Where.OUTSIDE, api=Api(problem="no context 'x'"), reach=None)
    lines = show.text(blind, judge(blind)).splitlines()
    assert lines[0] == "the API server could not be asked: no context 'x'"
    assert "--context NAME" in lines[1]
    assert lines[-1].startswith("nothing is known; ")
    document = json.loads(show.as_json(blind, judge(blind)))
    assert (document["holds"], document["problem"]) == (False, "no context 'x'")


def test_the_page_of_documentation_lists_every_check_in_order() -> None:
    page = (Path(__file__).parents[3] / "docs/doctor.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    assert rows == [finding.check for finding in judge(facts())]


def test_json_keeps_its_shape() -> None:
    document = json.loads(show.as_json(BROKEN, judge(BROKEN)))
    assert {key: document[key] for key in ("version", "node", "from", "where", "holds")} == {
        "version": 1,
        "node": str(NODE),
        "from": str(OWN),
        "where": "pod",
        "holds": False,
    }
    assert len(document["findings"]) == len(CHECKS)
    port = next(each for each in document["findings"] if each["check"] == "port")
    assert list(port) == ["check", "outcome", "seen", "why", "fix"]
    assert port["outcome"] == "fails"
    first = document["findings"][0]
    assert (first["outcome"], first["why"], first["fix"]) == ("holds", None, None)
