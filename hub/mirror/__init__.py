"""The mirror: tell provinces what happened, and take what they ask for."""
