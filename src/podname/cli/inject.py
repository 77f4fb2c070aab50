"""`podname inject`: give workloads in manifests what they need to use pod names."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from podname.cli.options import dist_port_option, zone_option
from podname.errors import PodnameError

if TYPE_CHECKING:
    from podname.attach.inject import Options

STDIN = "-"
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@click.command(context_settings={"help_option_names": ["-h", "-help", "--help"]})
@click.argument("paths", nargs=-1, metavar="[FILE|FOLDER|-]...")
@click.option(
    "--via",
    required=True,
    type=click.Choice(["search", "inetrc", "epmd", "subdomain"]),
    help="The way.",
)
@click.option("--nameserver", metavar="IP[:PORT]", help="Where podname answers.")
@click.option("--namespace", "-n", metavar="NS", default="", help="Of objects that name none.")
@zone_option
@click.option(
    "--node",
    metavar="NAME",
    default="",
    help="What stands before the @ (default: the container's name).",
)
@click.option(
    "--container",
    "containers",
    multiple=True,
    metavar="NAME",
    help="Which one runs Erlang (default: the first).",
)
@dist_port_option
@click.option(
    "--service", metavar="NAME", default="", help="The headless Service of --via subdomain."
)
@click.option("--publish", is_flag=True, help="Let `podname publish` fill that Service.")
@click.option("--beams", metavar="FOLDER", help="The compiled podname_epmd, for --via epmd.")
@click.option(
    "--tls",
    is_flag=True,
    help="Distribute over TLS, with one wildcard certificate from a CA made now.",
)
@click.option(
    "--issuer",
    metavar="[KIND/]NAME",
    default="",
    help="With --tls: from this issuer of cert-manager.",
)
@click.option("--diff", "is_diff", is_flag=True, help="Show only what changes.")
@click.option("--in-place", "-i", "in_place", is_flag=True, help="Change the files.")
def command(
    *,
    paths: tuple[str, ...],
    via: str,
    nameserver: str | None,
    namespace: str,
    zone: str,
    node: str,
    containers: tuple[str, ...],
    port: int | None,
    service: str,
    publish: bool,
    beams: str | None,
    tls: bool,
    issuer: str,
    is_diff: bool,
    in_place: bool,
) -> None:
    """Give workloads what they need to use pod names, and print the manifests.

    Reads files, folders and standard input (the default). What is not understood stays byte for byte; doing it twice
    changes nothing. Exit code 2: something stands in the way, and nothing was written; standard error says what.
    """
    from podname.attach.inject import Options  # noqa: PLC0415 - start time counts
    from podname.attach.injection import Extras, inject_files  # noqa: PLC0415
    from podname.attach.place import Nameserver  # noqa: PLC0415

    try:
        server = Nameserver.parse(nameserver) if nameserver else None
    except PodnameError as error:
        _fail(str(error))
    options = Options(via, server, zone, node, containers, port, service, tls)  # type: ignore[arg-type]
    _check(options, publish=publish, beams=beams, issuer=issuer)
    if in_place and STDIN in (paths or (STDIN,)):
        raise click.UsageError("--in-place changes files: name some")
    files = _files(paths or (STDIN,))
    outcome = inject_files(files, options, Extras(namespace, issuer, publish, _beams(beams)))
    for problem in outcome.problems:
        click.echo(str(problem), err=True)
    if outcome.problems:
        sys.exit(2)
    if not outcome.workloads:
        _fail(f"there is no workload in {', '.join(map(_shown, files)) or 'no file'}")
    for note in outcome.notes:
        click.echo(f"podname: {note}", err=True)
    if is_diff:
        for name, text in outcome.texts.items():
            click.echo("".join(_diff(_shown(name), files[name], text)), nl=False)
    if in_place:
        for name, text in outcome.texts.items():
            _write(name, files[name], text)
    elif not is_diff:
        sys.stdout.buffer.write(_joined(outcome.texts).encode())


def _check(options: Options, *, publish: bool, beams: str | None, issuer: str) -> None:
    """Refuse options that do not fit together."""
    from podname.attach.release_env import is_node_name  # noqa: PLC0415

    via, server = options.via, options.nameserver
    reasons = [
        (
            via == "inetrc" and server is None,
            "--via inetrc needs --nameserver, where podname answers",
        ),
        (
            via == "search" and server is not None and server.port != 53,
            "a pod asks port 53 of its nameserver, no other",
        ),
        (
            via == "subdomain" and server is not None,
            "--via subdomain asks cluster DNS: it has no --nameserver",
        ),
        (bool(options.service) and via != "subdomain", "--service belongs to --via subdomain"),
        (publish and via != "subdomain", "--publish belongs to --via subdomain"),
        (beams is not None and via != "epmd", "--beams belongs to --via epmd"),
        (bool(issuer) and not options.tls, "--issuer belongs to --tls"),
        (
            bool(options.node) and not is_node_name(options.node),
            "--node takes letters, digits, - and _",
        ),
    ]
    for is_wrong, reason in reasons:
        if is_wrong:
            raise click.UsageError(reason)


def _files(paths: tuple[str, ...]) -> dict[str, str]:
    files: dict[str, str] = {}
    for name in (name for path in paths for name in _expanded(path)):
        try:
            octets = sys.stdin.buffer.read() if name == STDIN else Path(name).read_bytes()
            files[name] = octets.decode()
        except OSError as error:
            _fail(f"cannot read {name!r}: {error.strerror}")
        except UnicodeDecodeError as error:
            _fail(f"{_shown(name)}:{octets[: error.start].count(10) + 1}: this is not UTF-8")
    return files


def _expanded(path: str) -> Iterator[str]:
    if path == STDIN or not Path(path).is_dir():
        yield path
    else:
        found = (
            file for file in Path(path).rglob("*") if file.suffix in _SUFFIXES and file.is_file()
        )
        yield from map(str, sorted(found))


def _beams(folder: str | None) -> Mapping[str, bytes]:
    if folder is None:
        return {}
    found = {file.name: file.read_bytes() for file in sorted(Path(folder).glob("*.beam"))}
    if "podname_epmd.beam" not in found:
        _fail(
            f"there is no podname_epmd.beam in {folder!r}: run make in clients/erlang, and name its ebin"
        )
    return found


def _diff(name: str, before: str, after: str) -> Iterator[str]:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, name
    )
    for line in lines:
        yield line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"


def _joined(texts: Mapping[str, str]) -> str:
    out = ""
    for text in texts.values():
        if out and text:
            out += "" if out.endswith("\n") else "\n"
            out += "" if text.startswith("---") else "---\n"
        out += text
    return out


def _write(name: str, before: str, after: str) -> None:
    if before == after:
        return
    try:
        Path(name).write_bytes(after.encode())
    except OSError as error:
        _fail(f"cannot write {name!r}: {error.strerror}")
    click.echo(name)


def _shown(name: str) -> str:
    return "standard input" if name == STDIN else name


def _fail(message: str) -> NoReturn:
    click.echo(f"podname: {message}", err=True)
    sys.exit(2)
