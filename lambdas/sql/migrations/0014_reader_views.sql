GRANT SELECT ON TABLE sluice.loads, sluice.failures, sluice.freshness TO ROLE sluice_reader
