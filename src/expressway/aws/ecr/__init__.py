"""Repositories and images of Amazon ECR."""
