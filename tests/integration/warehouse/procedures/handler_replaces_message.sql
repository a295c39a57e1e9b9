-- A handler that raises its own message.
--@ procedure
CREATE PROCEDURE sp_wrapped() AS $$
DECLARE
    n INT;
BEGIN
    n := 'x';
EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION 'step 7 failed (%): %', SQLSTATE, SQLERRM;
END;
$$ LANGUAGE plpgsql;
--@ fails step 7 failed (22P02): invalid input syntax for type integer: "x"
CALL sp_wrapped();
