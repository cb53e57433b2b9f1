"""Deploy, restart and delete an app; the journal of operations."""
