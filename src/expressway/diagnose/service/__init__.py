"""Facts about a service and its deployments, and the rules over them."""
