"""The process that runs the CDK."""
