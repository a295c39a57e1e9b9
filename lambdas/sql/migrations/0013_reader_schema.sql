GRANT USAGE ON SCHEMA sluice TO ROLE sluice_reader
