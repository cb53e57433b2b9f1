"""The guidance: what is wrong with a service, or with any service of a cluster."""
