"""What a deployment would change: diff, plan, approval, replacement."""
