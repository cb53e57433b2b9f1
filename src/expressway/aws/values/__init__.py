"""Values of AWS, parsed once: frozen data without a client."""
