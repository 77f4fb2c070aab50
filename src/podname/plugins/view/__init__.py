"""The `view` directive: which questions its server block gets."""
