-- A nested call of a procedure with OUT arguments is an error.
--@ procedure
CREATE PROCEDURE sp_answer(OUT answer INT) AS $$ BEGIN answer := 42; END; $$ LANGUAGE plpgsql;
--@ procedure
CREATE PROCEDURE sp_ask() AS $$
DECLARE
    a INT;
BEGIN
    CALL sp_answer();
END;
$$ LANGUAGE plpgsql;
--@ rows [[42]]
CALL sp_answer();
--@ fails a nested call needs INOUT arguments
CALL sp_ask();
