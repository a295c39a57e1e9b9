-- TRUNCATE below an exception block, which Postgres' own procedures cannot do.
--@ setup
CREATE TABLE run_log (id INT IDENTITY(1,1), name VARCHAR(30), status VARCHAR(10), message VARCHAR(200));
CREATE TABLE snapshot_today (a INT);
INSERT INTO snapshot_today VALUES (1), (2);
--@ procedure
CREATE PROCEDURE sp_snapshot(is_broken BOOLEAN) AS $$
BEGIN
    INSERT INTO run_log (name, status) VALUES ('snapshot', 'started');
    TRUNCATE snapshot_today;
    INSERT INTO snapshot_today VALUES (3);
    IF is_broken THEN
        RAISE EXCEPTION 'the source is empty';
    END IF;
    INSERT INTO run_log (name, status) VALUES ('snapshot', 'done');
EXCEPTION
    WHEN OTHERS THEN
        INSERT INTO run_log (name, status, message) VALUES ('snapshot', 'failed', SQLERRM);
END;
$$ LANGUAGE plpgsql;
--@ fails the source is empty
CALL sp_snapshot(TRUE);
--@ rows [["started", null], ["failed", "the source is empty"]]
SELECT status, message FROM run_log ORDER BY id;
--@ rows [[0]]
SELECT COUNT(*) FROM snapshot_today;
