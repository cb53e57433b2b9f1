"""Review an existing Dockerfile and propose improvements."""
