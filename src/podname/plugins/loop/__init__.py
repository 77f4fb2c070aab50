"""`loop`: notice at the start when questions that are forwarded come back."""
