"""VPCs, subnets, security groups and routes."""
