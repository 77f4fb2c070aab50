"""The `erratic` directive: answers badly, for tests of clients."""
