-- NONATOMIC: each statement stays, though a later one fails.
--@ setup
CREATE TABLE steps (name VARCHAR(10));
--@ procedure
CREATE OR REPLACE PROCEDURE sp_steps() NONATOMIC AS $$
BEGIN
    INSERT INTO steps VALUES ('one');
    INSERT INTO steps VALUES ('two');
    INSERT INTO steps VALUES ('far too long');
    INSERT INTO steps VALUES ('four');
END;
$$ LANGUAGE plpgsql;
--@ fails value too long for type character varying(10)
CALL sp_steps();
--@ rows [["one"], ["two"]]
SELECT name FROM steps ORDER BY 1;
--@ batch value too long
DELETE FROM steps;
CALL sp_steps();
--@ rows [["one"], ["two"]]
SELECT name FROM steps ORDER BY 1;
