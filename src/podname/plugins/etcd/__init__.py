"""The `etcd` directive: names out of etcd, in SkyDNS's form."""
