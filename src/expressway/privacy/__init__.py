"""What may be shown: untrusted text, redaction, gates, the allow-list of targets."""
