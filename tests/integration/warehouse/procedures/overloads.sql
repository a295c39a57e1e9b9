-- Two procedures of one name, told apart by their arguments.
--@ setup
CREATE TABLE kinds (kind VARCHAR(10));
--@ procedure
CREATE PROCEDURE sp_kind(a INT) AS $$ BEGIN INSERT INTO kinds VALUES ('number'); END; $$ LANGUAGE plpgsql;
--@ procedure
CREATE PROCEDURE sp_kind(a DATE) AS $$ BEGIN INSERT INTO kinds VALUES ('day'); END; $$ LANGUAGE plpgsql;
--@ run
CALL sp_kind(7);
--@ run
CALL sp_kind(CURRENT_DATE);
--@ rows [["day"], ["number"]]
SELECT kind FROM kinds ORDER BY 1;
--@ run
DROP PROCEDURE sp_kind(DATE);
--@ run
CALL sp_kind(1);
