"""What every folder may use: clock, progress, cancellation, text, directories, pagination."""
