"""What Sluice relies on and only a real account can show, asked of one: `--help` says how."""
