"""The embedded AWS: a local account to try everything on; nothing but the command line imports it."""
