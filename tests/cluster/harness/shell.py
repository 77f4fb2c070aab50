"""A remote shell in a pod, typed into as a person would.

IEx takes over another node only on a terminal, hence `script` in the pod; and what is typed before
its prompt stands there is lost, because setting up a terminal throws away what it has read.

Sources: `bin/RELEASE remote` of `mix release`; script(1); termios(3), TCSAFLUSH.
"""

import os
import subprocess
from collections.abc import Sequence

from tests.cluster.harness import release
from tests.cluster.harness.cluster import Cluster
from tests.cluster.harness.waiting import until


def remote(cluster: Cluster, pod: str, other: str, lines: Sequence[str], *, namespace: str) -> str:
    """Type lines into `remote` of one pod's release, on the node of another; return the screen."""
    shell = f"env TERM=xterm RELEASE_NODE=demo@{other} {release.PROGRAM} remote"
    words = [*cluster.administrator(), "exec", "--stdin", "--namespace", namespace, pod, "--"]
    command = [*words, "script", "--quiet", "--return", "--command", shell, "/dev/null"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        screen = bytearray()

        def shows(prompt: str) -> bool:
            assert process.stdout is not None
            screen.extend(process.stdout.read() or b"")
            return prompt.encode() in screen

        try:
            for number, line in enumerate([*lines, ""], 1):
                prompt = f"iex(demo@{other}){number}>"
                until(lambda: shows(prompt), lambda: f"{prompt} in {screen!r}")  # noqa: B023
                process.stdin.write(f"{line}\n".encode())
                process.stdin.flush()
        finally:
            process.kill()  # kubectl; the shell goes with the pod
    return screen.decode()
