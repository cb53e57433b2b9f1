"""The Express service: its construct, the settings it checks, and the resources around it."""
