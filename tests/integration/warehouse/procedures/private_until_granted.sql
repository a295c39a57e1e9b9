-- A new procedure is its owner's until somebody is granted EXECUTE.
--@ setup
CREATE TABLE touched (by_whom VARCHAR(64));
GRANT ALL ON touched TO PUBLIC;
--@ procedure
CREATE PROCEDURE sp_touch() AS $$ BEGIN INSERT INTO touched SELECT CURRENT_USER; END; $$ LANGUAGE plpgsql;
--@ procedure
CREATE PROCEDURE sp_outer_touch() AS $$ BEGIN CALL sp_touch(); END; $$ LANGUAGE plpgsql;
--@ run
GRANT EXECUTE ON PROCEDURE sp_touch() TO PUBLIC;
--@ run role/toucher
CALL sp_touch();
--@ procedure
CREATE OR REPLACE PROCEDURE sp_touch() AS $$ BEGIN INSERT INTO touched VALUES ('replaced'); END; $$ LANGUAGE plpgsql;
--@ run role/toucher
CALL sp_touch();
--@ rows [["IAMR:toucher"], ["replaced"]]
SELECT by_whom FROM touched ORDER BY 1;
