"""CloudFormation: client, stacks, templates, change sets, history."""
