"""A call in, a decision out; pure."""
