CREATE ROLE sluice_reader
