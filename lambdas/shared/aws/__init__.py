"""The only boto3 in the functions."""
