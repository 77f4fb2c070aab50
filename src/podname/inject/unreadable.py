"""What a document is that cannot be read as YAML, and what to do: a person knows neither libyaml's words nor its place.

Source: YAML 1.1 chapters 5 and 9 (byte order mark, indentation, document markers).
"""

from __future__ import annotations

import re

from podname.inject.yaml_tree import YamlError

MARK = "\ufeff"
_TEMPLATE = re.compile(r"^(?!\s*#).*\{\{", re.MULTILINE)
_END = re.compile(r"^\.\.\.(?:\s.*)?$", re.MULTILINE)
_TAB = re.compile(r" *\t")


def mark_inside(text: str) -> YamlError | None:
    """Return the error of a byte order mark at the beginning of a line."""
    found = re.search(f"^{MARK}", text, re.MULTILINE)
    if found is None:
        return None
    message = (
        "a byte order mark (U+FEFF) stands here, inside the file, as it does when files are joined:"
        " remove it (sed -i 's/\\xef\\xbb\\xbf//g' FILE)"
    )
    return YamlError(message, text.count("\n", 0, found.start()) + 1)


def explained(text: str, error: YamlError) -> YamlError:
    """Return an error in words that say what to do, at the line where that is to be done."""
    lines = text.split("\n")
    line = lines[error.line - 1] if error.line <= len(lines) else ""
    before = "\n".join(lines[: error.line - 1])
    if template := _TEMPLATE.search(text):
        message = "this is a Helm template: run `helm template`, and give what it prints to podname inject"
        return YamlError(message, text.count("\n", 0, template.start()) + 1)
    if text.lstrip().startswith("{") and line.lstrip().startswith("{"):
        message = 'a second JSON object begins here: write --- between them, or make one List of them (jq -s \'{apiVersion: "v1", kind: "List", items: .}\')'  # noqa: E501
        return YamlError(message, error.line)
    if _END.search(before):
        message = "after ... a document ends, and another one needs --- before it: write it"
        return YamlError(message, error.line)
    if _TAB.match(line):
        return YamlError("a tab indents this line, where YAML takes only spaces", error.line)
    return YamlError(f"this cannot be read as YAML: {error.message}", error.line)
