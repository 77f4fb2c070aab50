#!/usr/bin/env bash
# Make this machine ready for the tests on a real cluster, and print the folder of the cluster's programs.
#
# Checks for root, Go and Debian's packages (packages.txt), builds the programs (programs/build.sh) and the images; what is
# built is cached, so that a second call takes no time. With --install, missing packages are installed with apt-get;
# without it they are named. PODNAME_PYTHON is the Python that makes the images (default: the project's .venv, or python3).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

fail() { printf 'prepare.sh: %s\n' "$@" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || fail "the cluster needs Linux: it runs in network, mount and process namespaces"
[ "$(id -u)" = 0 ] || fail "the cluster needs root (namespaces, mounts, containers): run it as root, for example with sudo"

missing() {
	while read -r package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
	done <"$here/packages.txt"
}
if ! command -v dpkg-query >/dev/null; then
	fail "the cluster needs Debian or a system made of its packages: dpkg-query is missing"
fi
mapfile -t packages < <(missing)
if [ "${#packages[@]}" -gt 0 ]; then
	[ "${1:-}" = --install ] || fail "Debian packages are missing: ${packages[*]}" \
		"install them:  apt-get install -y --no-install-recommends ${packages[*]}" "or run:        $0 --install"
	echo "prepare.sh: installing ${packages[*]}" >&2
	apt-get update -q >&2
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}" >&2
fi
command -v go >/dev/null || fail "Go is missing (1.26 or newer, or 1.21 or newer where it may fetch that): install it, put 'go' on PATH"

python=${PODNAME_PYTHON:-$root/.venv/bin/python}
[ -x "$python" ] || python=python3
programs=$(bash "$here/programs/build.sh")
for made in images release image debians mpi; do
	(cd "$root" && "$python" -m "tests.cluster.harness.$made" >&2)
done
echo "$programs"
