"""Facts about a service in, findings out; pure."""
