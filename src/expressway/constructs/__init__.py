"""CDK constructs and stacks; the only place that imports aws_cdk."""
