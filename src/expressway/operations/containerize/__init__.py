"""From a folder to a Dockerfile, a .dockerignore and a definition; or what is to be said of the Dockerfile it has."""
