"""`podname inject`: give workloads in manifests what they need to use pod names."""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from podname.cli.manifest_files import STDIN, manifests, text_of
from podname.cli.options import dist_port_option, zone_option
from podname.cli.printing import say, tell, write
from podname.cli.replacing import replace_files
from podname.errors import PodnameError
from podname.text import escaped

if TYPE_CHECKING:
    from podname.attach.ways import Options
    from podname.inject.selection import Selection


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
@click.option(
    "--dns-over-tcp/--no-dns-over-tcp",
    "dns_over_tcp",
    default=None,
    help="Let Erlang ask DNS over TCP: OTP 27.3.4.1 and 28.4.2 lose all nodes at seven or so.",
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    help="Also objects of this kind with a spec.template, such as Rollout or Job.",
)
@click.option(
    "--only", multiple=True, metavar="KIND/NAME", help="These workloads, whatever they are."
)
@click.option(
    "--selector", "-l", metavar="SELECTOR", default="", help="Workloads with these labels."
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
    dns_over_tcp: bool | None,
    kinds: tuple[str, ...],
    only: tuple[str, ...],
    selector: str,
    is_diff: bool,
    in_place: bool,
) -> None:
    """Give workloads what they need to use pod names, and print the manifests.

    Reads files, folders and standard input (the default). What is not understood stays byte for byte; doing it twice
    changes nothing. A Job, a CronJob and a hook of Helm are left alone until --kind or --only names them.

    Standard error says what was left alone, and what was chosen that nobody said. Exit code 2: something stands in the
    way, or there was no workload to inject; nothing was written.
    """
    from podname.attach.ways import Options  # noqa: PLC0415 - start time counts
    from podname.dns.nameserver import Nameserver  # noqa: PLC0415
    from podname.inject.manifests import TRUNCATED, Extras, inject_files  # noqa: PLC0415

    try:
        server = Nameserver.parse(nameserver) if nameserver else None
    except PodnameError as error:
        _fail(str(error))
    options = Options(
        via,  # type: ignore[arg-type]
        server,
        zone,
        node,
        containers,
        port,
        service,
        tls,
        publish,
        bool(dns_over_tcp),
    )
    _check(options, beams=beams, issuer=issuer)
    if in_place and STDIN in (paths or (STDIN,)):
        raise click.UsageError("--in-place changes files: name some")
    selection = _selection(kinds, only, selector)
    files = _files(paths or (STDIN,))
    outcome = inject_files(files, options, Extras(namespace, issuer, _beams(beams)), selection)
    for line in outcome.problems or outcome.notes:
        tell(str(line))
    if outcome.problems:
        sys.exit(2)
    if not outcome.workloads:
        _fail(f"there is no workload to inject in {', '.join(map(_shown, files)) or 'no file'}")
    if dns_over_tcp is None and via != "epmd" and outcome.texts != files:
        tell(TRUNCATED)
    if is_diff:
        for name, text in outcome.texts.items():
            write("".join(_diff(escaped(_shown(name)), files[name], text)))
    if in_place:
        _write(files, outcome.texts)
    elif not is_diff:
        _print(_joined(outcome.texts).encode())


def _selection(kinds: tuple[str, ...], only: tuple[str, ...], selector: str) -> Selection:
    """Read which workloads are asked for."""
    from podname.inject.selection import Selection  # noqa: PLC0415 - start time counts
    from podname.kube.selectors import BadSelector, parse_selector  # noqa: PLC0415

    names = set()
    for text in only:
        kind, slash, name = text.partition("/")
        if not (kind and slash and name):
            raise click.UsageError(f"--only takes KIND/NAME such as Deployment/web, not {text!r}")
        names.add((kind.lower(), name))
    try:
        requirements = parse_selector(selector) if selector else ()
    except BadSelector as error:
        raise click.UsageError(f"--selector {selector!r}: {error}") from None
    return Selection(frozenset(kind.lower() for kind in kinds), frozenset(names), requirements)


def _check(options: Options, *, beams: str | None, issuer: str) -> None:
    """Refuse options that do not fit together."""
    from podname.erlang.nodename import is_node_name  # noqa: PLC0415

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
        (options.publish and via != "subdomain", "--publish belongs to --via subdomain"),
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
    for name in manifests(paths, tell):
        try:
            files[name] = text_of(name)
        except OSError as error:
            _fail(f"cannot read {name!r}: {error.strerror}")
        except UnicodeDecodeError as error:
            _fail(f"{_shown(name)}:{error.object[: error.start].count(10) + 1}: this is not UTF-8")
    return files


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


def _write(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    changed = {name: text.encode() for name, text in after.items() if text != before[name]}
    try:
        for name in replace_files(changed):
            say(name)
    except OSError as error:
        _fail(f"cannot write {error.filename!r}, which is as it was: {error.strerror}")


def _print(octets: bytes) -> None:
    try:
        sys.stdout.buffer.write(octets)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        with contextlib.suppress(OSError):
            sys.stdout.close()
        _fail(f"cannot write what is to be printed: {error.strerror}")


def _shown(name: str) -> str:
    return "standard input" if name == STDIN else name


def _fail(message: str) -> NoReturn:
    tell(f"podname: {message}")
    sys.exit(2)
