"""What a service depends on: roles, secrets, log groups, scaling, alarms."""
