"""What Sluice knows about files, loads and tables; no boto3, no environment, no clock."""
