"""The network of a service: placement, ingress, egress."""
