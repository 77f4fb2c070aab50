"""Floor 5: why a name answers, or why it does not."""
