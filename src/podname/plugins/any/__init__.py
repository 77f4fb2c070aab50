"""The `any` directive: answers questions for ANY with as little as possible."""
