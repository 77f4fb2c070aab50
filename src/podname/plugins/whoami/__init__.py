"""The `whoami` directive: tells a client its own address."""
