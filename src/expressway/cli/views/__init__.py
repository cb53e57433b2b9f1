"""What the command line prints: tables, findings, progress, errors."""
