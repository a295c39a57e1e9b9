-- Keep the latest row of each key.
--@ setup
CREATE TABLE readings (sensor INT, at TIMESTAMP, value FLOAT);
INSERT INTO readings VALUES (1, '2024-01-01', 1), (1, '2024-01-02', 2), (2, '2024-01-01', 3), (2, '2024-01-01', 3);
--@ procedure
CREATE PROCEDURE sp_dedupe(INOUT removed BIGINT) AS $$
DECLARE
    before BIGINT;
    after BIGINT;
BEGIN
    SELECT COUNT(*) INTO before FROM readings;
    CREATE TEMP TABLE ranked AS
    SELECT sensor, at, value FROM (
        SELECT sensor, at, value, ROW_NUMBER() OVER (PARTITION BY sensor ORDER BY at DESC) AS place FROM readings
    ) r WHERE place = 1;
    DELETE FROM readings;
    INSERT INTO readings SELECT * FROM ranked;
    SELECT COUNT(*) INTO after FROM readings;
    removed := before - after;
    DROP TABLE ranked;
END;
$$ LANGUAGE plpgsql;
--@ rows [[2]]
CALL sp_dedupe(0);
--@ rows [[1, "2024-01-02 00:00:00", 2.0], [2, "2024-01-01 00:00:00", 3.0]]
SELECT * FROM readings ORDER BY 1;
