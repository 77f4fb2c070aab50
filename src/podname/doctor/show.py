"""Findings for people and for programs.

The JSON document keeps its shape; `version` counts changes that could break a reader.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from podname.doctor.facts import Facts, Where
from podname.doctor.findings import Finding, Outcome
from podname.doctor.judge import blindness, exit_code
from podname.text import escaped

VERSION = 1
_MARKS = {
    Outcome.HOLDS: "ok",
    Outcome.FAILS: "FAILS",
    Outcome.WARNS: "warns",
    Outcome.UNKNOWN: "?",
}
_WHERE = {
    Where.POD: "from inside a pod",
    Where.OUTSIDE: "from outside, by what the API server says",
    Where.ALONE: "from this machine, without a cluster",
}
_FIX = {
    Where.POD: "give the pod a service account that may list pods, or a file with --kubeconfig",
    Where.OUTSIDE: "say the way with --kubeconfig FILE and --context NAME; `kubectl get pods` must work by it, too",
}


def text(facts: Facts, findings: list[Finding]) -> str:
    """Write a line for each check and, below what is not well, why and the fix."""
    lines = [*_blind(facts), f"{facts.node}, {_WHERE[facts.where]}", ""]
    for finding in findings:
        lines += _lines(finding)
    failed = [finding.check for finding in findings if finding.outcome is Outcome.FAILS]
    unseen = sum(finding.outcome is Outcome.UNKNOWN for finding in findings)
    none = "nothing is known" if exit_code(facts, findings) == 2 else "nothing fails"
    total = f"fails: {', '.join(failed)}" if failed else none
    lines += ["", f"{total}; {unseen} could not be seen" if unseen else total]
    return "\n".join(map(escaped, lines))


def _blind(facts: Facts) -> Iterator[str]:
    """Say first that the cluster could not be asked: what follows knows little then."""
    if facts.where is not Where.ALONE and (problem := blindness(facts)):
        yield f"the API server could not be asked: {problem}"
        yield f"fix: {_FIX[facts.where]}"
        yield ""


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{_MARKS[finding.outcome]:6}{finding.check:15} {finding.seen}"
    if finding.why:
        yield f"{'':22}why: {finding.why}"
    if finding.fix:
        yield f"{'':22}fix: {finding.fix}"


def as_json(facts: Facts, findings: list[Finding]) -> str:
    """Write the document that `--output json` promises."""
    document = {
        "version": VERSION,
        "node": str(facts.node),
        "from": str(facts.own) if facts.own else None,
        "where": facts.where.value,
        "holds": exit_code(facts, findings) == 0,
        "problem": blindness(facts) or None,
        "findings": [
            {
                "check": finding.check,
                "outcome": finding.outcome.value,
                "seen": finding.seen,
                "why": finding.why or None,
                "fix": finding.fix or None,
            }
            for finding in findings
        ],
    }
    return json.dumps(document, indent=2)
