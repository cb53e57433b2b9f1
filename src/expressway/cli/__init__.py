"""The command-line face: commands, tables and progress; no logic."""
