"""`hosts`: names and addresses from a file like /etc/hosts, answered by the engine."""
