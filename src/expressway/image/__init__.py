"""From a folder to a pushed image digest."""
