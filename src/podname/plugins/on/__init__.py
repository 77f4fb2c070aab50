"""The `on` directive: runs commands when the server starts and ends."""
