-- TRUNCATE commits what came before it: the marker stays although the reload fails.
--@ setup
CREATE TABLE markers (note VARCHAR(20));
CREATE TABLE facts (a INT);
INSERT INTO facts VALUES (1);
--@ procedure
CREATE PROCEDURE sp_reload(divisor INT) AS $$
BEGIN
    INSERT INTO markers VALUES ('begun');
    TRUNCATE TABLE facts;
    INSERT INTO facts SELECT 10 / divisor;
    INSERT INTO markers VALUES ('done');
END;
$$ LANGUAGE plpgsql;
--@ fails division by zero
CALL sp_reload(0);
--@ rows [["begun"]]
SELECT note FROM markers;
--@ rows [[0]]
SELECT COUNT(*) FROM facts;
--@ run
CALL sp_reload(5);
--@ rows [[2]]
SELECT a FROM facts;
--@ batch TRUNCATE cannot be invoked from a procedure that is executing in an atomic context
INSERT INTO facts VALUES (9);
CALL sp_reload(1);
--@ rows [[2]]
SELECT a FROM facts;
