"""Tools for people: sample data, conversions, benches."""
