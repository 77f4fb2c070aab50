"""The `bufsize` directive: bounds what clients may say that they can take over UDP."""
