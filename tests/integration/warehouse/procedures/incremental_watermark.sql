-- Load what is newer than the watermark, then move it.
--@ setup
CREATE TABLE source_rows (id INT, changed TIMESTAMP);
CREATE TABLE target_rows (id INT, changed TIMESTAMP);
CREATE TABLE watermarks (name VARCHAR(20), mark TIMESTAMP);
INSERT INTO watermarks VALUES ('rows', '2024-01-01');
INSERT INTO source_rows VALUES (1, '2023-12-31'), (2, '2024-01-02'), (3, '2024-01-03');
--@ procedure
CREATE PROCEDURE sp_increment(OUT loaded INT) AS $$
DECLARE
    low TIMESTAMP;
    high TIMESTAMP;
BEGIN
    LOCK watermarks;
    SELECT mark INTO low FROM watermarks WHERE name = 'rows';
    SELECT NVL(MAX(changed), low) INTO high FROM source_rows;
    INSERT INTO target_rows SELECT id, changed FROM source_rows WHERE changed > low AND changed <= high;
    GET DIAGNOSTICS loaded := ROW_COUNT;
    UPDATE watermarks SET mark = high WHERE name = 'rows';
END;
$$ LANGUAGE plpgsql;
--@ rows [[2]]
CALL sp_increment();
--@ rows [[0]]
CALL sp_increment();
--@ rows [["2024-01-03 00:00:00"]]
SELECT mark FROM watermarks;
