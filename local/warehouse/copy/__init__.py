"""COPY from S3 as Redshift does it, into Postgres."""
