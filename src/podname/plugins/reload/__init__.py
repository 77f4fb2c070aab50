"""The `reload` directive: a changed Corefile takes effect by itself."""
