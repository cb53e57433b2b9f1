"""The tags by which a repository's lifecycle policy knows the images that an app needs: four, which are moved.

They are the only tags that may be moved in a repository with immutable tags, so that they never grow in number.
"""

PROTECTED_PATTERN = "expressway-*"
"""What the policy's first rule, and the exclusion from immutability, match."""

RUNNING_TAG = "expressway-running"
PREVIOUS_TAG = "expressway-previous"
NEXT_TAG = "expressway-next"
UNPROVEN_TAG = "expressway-unproven"
"""The image that the last deployment proved, the one before it, the one that is being deployed, and one that the stack
names although it never proved itself."""
