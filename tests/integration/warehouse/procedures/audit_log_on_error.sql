-- The handler's row stays, the work is undone, and the caller still sees the error.
--@ setup
CREATE TABLE error_log (step VARCHAR(30), message VARCHAR(200), state VARCHAR(5));
CREATE TABLE target (a INT);
--@ procedure
CREATE OR REPLACE PROCEDURE sp_audited(divisor INT) AS $$
DECLARE
    step VARCHAR(30) := 'start';
BEGIN
    INSERT INTO target VALUES (1);
    step := 'divide';
    INSERT INTO target SELECT 1 / divisor;
EXCEPTION WHEN OTHERS THEN
    INSERT INTO error_log VALUES (step, SQLERRM, SQLSTATE);
    RAISE INFO 'failed in %: %', step, SQLERRM;
END;
$$ LANGUAGE plpgsql;
--@ fails division by zero
CALL sp_audited(0);
--@ rows [["divide", "division by zero", "22012"]]
SELECT * FROM error_log;
--@ rows [[0]]
SELECT COUNT(*) FROM target;
--@ run
CALL sp_audited(1);
--@ rows [[2]]
SELECT COUNT(*) FROM target;
