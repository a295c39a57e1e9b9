-- RAISE alone in a NONATOMIC handler throws again.
--@ setup
CREATE TABLE attempts (note VARCHAR(40));
--@ procedure
CREATE PROCEDURE sp_rethrow() NONATOMIC AS $$
BEGIN
    INSERT INTO attempts SELECT 1 / 0;
EXCEPTION WHEN OTHERS THEN
    INSERT INTO attempts VALUES ('logged');
    RAISE;
END;
$$ LANGUAGE plpgsql;
--@ fails division by zero
CALL sp_rethrow();
--@ rows [["logged"]]
SELECT note FROM attempts;
