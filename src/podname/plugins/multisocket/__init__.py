"""The `multisocket` directive: is taken: the engine has a socket for each core by itself."""
