"""A loopback stand-in for AWS that answers reads from records: for situations that no emulator brings about."""
