"""The `pprof` directive: is taken, and says where profiles are to be had instead."""
