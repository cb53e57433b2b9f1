"""Services, tasks, deployments and task definitions of Amazon ECS."""
