"""What is wrong with a service, a stack or a network, and what to do about it."""
