"""How containers and tasks end, and why."""
