"""The `template` directive: answers made of the question by a text with holes."""
