"""The `minimal` directive: leaves out of answers what the client did not ask for."""
