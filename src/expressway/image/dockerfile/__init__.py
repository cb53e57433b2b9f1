"""Parse and edit Dockerfiles."""
