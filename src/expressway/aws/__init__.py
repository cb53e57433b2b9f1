"""Access to AWS: the session and one client a service. No other folder but cloudformation calls AWS."""
