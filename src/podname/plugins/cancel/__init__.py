"""The `cancel` directive: ends questions that take too long."""
