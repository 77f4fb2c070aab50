"""`podname release-env`: print the env.sh of a release whose nodes are called after their pods, or check one."""

from __future__ import annotations

from pathlib import Path

import click

from podname.cli.options import dist_port_option, zone_option
from podname.cli.printing import write


@click.command(context_settings={"help_option_names": ["-h", "-help", "--help"]})
@click.option(
    "--long",
    "form",
    flag_value="long",
    help="Long names: --namespace, or else `hostname -f`, completes them.",
)
@click.option("--short", "form", flag_value="short", default=True, help="Short names, the default.")
@click.option("--namespace", metavar="NS", help="With --long: <pod>.NS.pod.<zone>.")
@click.option(
    "--service", metavar="NAME", default="", help="With --namespace: <pod>.NAME.NS.svc.<zone>."
)
@zone_option
@click.option(
    "--node",
    metavar="NAME",
    default="",
    help="What stands before the @ (default: the release's name).",
)
@click.option(
    "--inetrc", metavar="PATH", default="", help="An inetrc in the pod, see `podname inetrc`."
)
@dist_port_option
@click.option(
    "--tls-optfile",
    "optfile",
    metavar="PATH",
    default="",
    help="Distribute over TLS, with this optfile.",
)
@click.option(
    "--check", "checked", metavar="FILE", help="Print nothing; tell what is wrong with FILE."
)
def command(
    *,
    form: str,
    namespace: str | None,
    service: str,
    zone: str,
    node: str,
    inetrc: str,
    port: int | None,
    optfile: str,
    checked: str | None,
) -> None:
    """Print an env.sh for rel/env.sh.eex of `mix release`, or for the entrypoint of a release of rebar3.

    Exit code with --check: 0 when nothing is wrong (warnings may stand on standard error), 2 otherwise.
    """
    from podname.cli.files import exit_with, octets_of  # noqa: PLC0415
    from podname.erlang import domains, nodename, release_env, release_env_check  # noqa: PLC0415

    if checked is not None:
        exit_with(release_env_check.check(octets_of(Path(checked)), checked), f"{checked}: good")
    if namespace and form == "short":
        raise click.UsageError("--namespace completes long names: add --long")
    if service and not namespace:
        raise click.UsageError("--service needs --namespace")
    for path in (inetrc, optfile):
        if path and not path.startswith("/"):
            raise click.UsageError(f"{path} is not absolute: the VM would not find it")
    if any(character in optfile for character in " \t'\"$`\\"):
        raise click.UsageError("a path in ERL_AFLAGS can have no spaces and no quotes")
    if node and not nodename.is_node_name(node):
        raise click.UsageError(f"{node} cannot stand before the @: letters, digits, - and _ can")
    domain: str | None = ""
    if form == "long":
        domain = domains.pods_domain(namespace, zone, service) if namespace else None
    release = release_env.Release(domain, node, inetrc, port, optfile)
    write(release_env.env_sh(release))
