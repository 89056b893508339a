"""The sub-commands: what each takes, and what it does with it."""
