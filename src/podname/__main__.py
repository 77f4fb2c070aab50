"""`python -m podname` is `podname`."""

from podname.cli import main

main()
