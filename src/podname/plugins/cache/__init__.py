"""`cache`: what others answered is kept for as long as they said it holds."""
