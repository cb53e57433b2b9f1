"""The container engine: discovery, builds, pushes."""
