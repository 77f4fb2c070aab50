#!/usr/bin/env bash
# Build the cluster's programs (etcd, Kubernetes, CoreDNS) from the Go module registry and print the folder that holds them.
#
# The folder is named by the hash of the go.mod and go.sum files beside this script, so a second call costs nothing and a
# changed version is never mistaken for an old one. A program is built under a temporary name and renamed: a build that was
# killed leaves nothing that looks finished.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v go >/dev/null || { echo "build.sh: Go 1.26 or newer is missing: install it and put 'go' on PATH" >&2; exit 1; }

key=$(cd "$here" && cat */go.mod */go.sum build.sh | sha256sum | cut -c1-16)
cache=${PODNAME_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/podname}/programs/$key
mkdir -p "$cache"

version=$(sed -nE 's/.*k8s.io\/kubernetes v([0-9.]+).*/\1/p' "$here/kubernetes/go.mod" | head -n 1)
stamp=k8s.io/component-base/version
stamps="-X $stamp.gitVersion=v$version -X $stamp.gitMajor=${version%%.*} -X $stamp.gitMinor=$(cut -d. -f2 <<<"$version")"

build() { # module-folder package name [ldflags]
	[ -x "$cache/$3" ] && return
	echo "build.sh: building $3 (once; kept in $cache)" >&2
	(cd "$here/$1" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w ${4:-}" -o "$cache/$3.part" "$2" >&2)
	mv "$cache/$3.part" "$cache/$3"
}

exec 9>"$cache/.lock"
flock 9
build coredns github.com/coredns/coredns coredns
build etcd go.etcd.io/etcd/server/v3 etcd
for program in kube-apiserver kube-controller-manager kubectl kube-scheduler kubelet kube-proxy; do
	build kubernetes "k8s.io/kubernetes/cmd/$program" "$program" "$stamps"
done
echo "$cache"
