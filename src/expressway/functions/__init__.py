"""Functions that run in AWS Lambda, as the text of one file each: they use boto3 and the standard library alone."""
