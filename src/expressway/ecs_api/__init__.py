"""Call any operation of the ECS API: parameters, effects, ownership, results."""
