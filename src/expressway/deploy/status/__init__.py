"""Status, readiness and lists of deployed apps."""
