"""The pages of docs/, followed to the letter.

What stands behind `$ ` in a section is run, as a person would. A block that begins with the path of a file, in a
comment, is that file. `kubectl` is the administrator's, `podname` the one that is tested, and the folder is a copy of
what a clone has, so that a page may write files.
"""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

from tests.cluster.harness import ClusterError
from tests.cluster.harness.cluster import PODNAME, Cluster

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 300
"""For a script; a page says `rollout status`, which would wait for ten minutes."""


class Reader:
    """Somebody with a shell, a clone and a kubeconfig."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        shutil.copytree(ROOT / "deploy", folder / "deploy")
        programs = folder / "bin"
        programs.mkdir()
        for name, words in (("kubectl", cluster.administrator()), ("podname", [str(PODNAME)])):
            (programs / name).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
            (programs / name).chmod(0o755)
        self.folder = folder
        self._environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def follow(self, page: str, *sections: str) -> str:
        """Run the commands of sections in one shell that stops at the first that fails."""
        text = (ROOT / "docs" / page).read_text()
        return self.run("\n".join(commands(text, section) for section in sections))

    def file(self, page: str, section: str, path: str) -> str:
        """Return a file that a section shows."""
        return shown((ROOT / "docs" / page).read_text(), section, path)

    def run(self, script: str) -> str:
        """Run a script and return what it prints."""
        done = subprocess.run(
            ["timeout", str(DEADLINE_SECONDS), "bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pods = self._cluster.kubectl("get", "pods", "--all-namespaces", "-o", "wide")
            raise ClusterError(f"{script}\n{done.stdout}{done.stderr}\n{pods}")
        return done.stdout


def commands(text: str, section: str) -> str:
    """Take the commands of a section out of a page in Markdown; a section without any is an error."""
    blocks = re.findall(
        r"^```console\n(.*?)^```", _section(text, section), re.MULTILINE | re.DOTALL
    )
    found = [line[2:] for line in "".join(blocks).splitlines() if line.startswith("$ ")]
    if not found:
        raise ClusterError(f"no commands in the section {section!r}")
    return "\n".join(found)


def shown(text: str, section: str, path: str) -> str:
    """Take a file out of a section of a page: the block whose first line is a comment with its path."""
    blocks = re.findall(r"^```\w+\n(.*?)^```", _section(text, section), re.MULTILINE | re.DOTALL)
    found: list[str] = [block for block in blocks if block.startswith(f"# {path}\n")]
    if len(found) != 1:
        raise ClusterError(f"{len(found)} blocks that begin with '# {path}' in {section!r}")
    return found[0]


def _section(text: str, section: str) -> str:
    pattern = re.compile(r"^##+ (.+?)\n(.*?)(?=^##+ |\Z)", re.MULTILINE | re.DOTALL)
    return str(dict(pattern.findall(text))[section])
