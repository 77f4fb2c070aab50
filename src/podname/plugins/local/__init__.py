"""The `local` directive: answers for localhost and the reverse names of loopback."""
