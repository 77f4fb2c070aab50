"""What a Service asks for, and what it is told when that cannot be done."""

from __future__ import annotations

from typing import Any

import pytest

from podname.publish.choosing import Publication, Refusal, choose
from tests.unit.publish.making import service


@pytest.mark.parametrize(
    ("changes", "said", "fix"),
    [
        ({"type": "ExternalName", "is_headless": False}, "is of type ExternalName", "clusterIP"),
        ({"is_headless": False}, "is not headless", "create another Service with clusterIP: None"),
        ({"selects": True}, "has a selector", "remove spec.selector"),
    ],
)
def test_refused_with_object_and_fix(changes: dict[str, Any], said: str, fix: str) -> None:
    choice = choose(service(**changes))
    assert isinstance(choice, Refusal)
    assert "Service default/web has the annotation podname.dev/publish" in choice.message
    assert said in choice.message
    assert fix in choice.message


@pytest.mark.parametrize("changes", [{}, {"is_headless": False}, {"selects": True}])
def test_without_the_annotation_nothing_is_asked_for(changes: dict[str, Any]) -> None:
    assert choose(service(None, **changes)) is None
    assert choose(None) is None


@pytest.mark.parametrize("text", ["app=web", "app in (web,worker),!canary", "app"])
def test_selectors(text: str) -> None:
    choice = choose(service(text))
    assert isinstance(choice, Publication)
    assert choice.selector
    assert not choice.fault


@pytest.mark.parametrize(
    "text", ["", " ", "=", "app=web,", "app in web", "a" * 5000, "app=\u0000x"]
)
def test_what_is_no_selector_is_said_and_chooses_nothing_new(text: str) -> None:
    choice = choose(service(text))
    assert isinstance(choice, Publication)
    assert choice.selector is None
    assert choice.fault.startswith("Service default/web: the annotation podname.dev/publish: ")
    assert "is no label selector" in choice.fault
    assert len(choice.fault) < 6000
