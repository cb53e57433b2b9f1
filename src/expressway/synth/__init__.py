"""The templates of an app: its two stacks, made of the constructs."""
