"""The `bind` directive: which addresses a server block listens on."""
