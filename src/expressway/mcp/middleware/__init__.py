"""What every call of a tool passes: audit, admission, target, argument checks."""
