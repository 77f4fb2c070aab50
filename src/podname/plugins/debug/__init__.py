"""The `debug` directive: more is logged."""
