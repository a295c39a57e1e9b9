"""What people configure: jobs, environments and each function's settings."""
