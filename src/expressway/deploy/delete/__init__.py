"""Delete an app: checks before, the order of stacks, what is retained."""
