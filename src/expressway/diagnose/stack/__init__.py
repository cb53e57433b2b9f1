"""Failures of CloudFormation stacks."""
