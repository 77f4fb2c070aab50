"""What docs/publish.md shows is what the controller does."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from podname.cli.publish import command
from podname.kube.selectors import parse_selector
from podname.publish.choosing import Publication, choose
from podname.publish.reading import SERVICES
from tests.unit.publish.conftest import Publishing
from tests.unit.publish.test_process import samples

PAGE = (Path(__file__).parents[3] / "docs" / "publish.md").read_text()


def test_the_service_is_published() -> None:
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    (shown,) = [block for block in blocks if block.get("kind") == "Service"]
    shown["metadata"]["namespace"] = "default"
    choice = choose(SERVICES.flatten(msgspec.convert(shown, SERVICES.shape), []))
    assert isinstance(choice, Publication)
    assert choice.selector
    assert choice.service.publishes_not_ready


@pytest.mark.parametrize("text", re.findall(r"any label selector: (.+)", PAGE))
def test_the_other_selector_is_one(text: str) -> None:
    assert len(parse_selector(text)) == 2


def test_every_option_is_told() -> None:
    options = {each.opts[-1] for each in command.params}
    assert set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE)) == options


async def test_every_metric_is_told(publishing: Publishing) -> None:
    told = set(re.findall(r"`(podname_publish_\w+)", PAGE))
    assert told == {*samples(publishing), "podname_publish_writes_total"}
