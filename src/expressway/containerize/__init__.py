"""Write a Dockerfile for an app's folder, or review the one it has."""
