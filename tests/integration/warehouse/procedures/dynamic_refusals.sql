-- What dynamic SQL may not do is refused when it is run.
--@ procedure
CREATE PROCEDURE sp_run_text(command VARCHAR(MAX)) AS $$
BEGIN
    EXECUTE command;
END;
$$ LANGUAGE plpgsql;
--@ fails COMMIT cannot be run by dynamic SQL
CALL sp_run_text('COMMIT');
--@ fails UNLOAD in a procedure is not supported
CALL sp_run_text('UNLOAD (''SELECT 1'') TO ''s3://b/x'' IAM_ROLE ''r''');
--@ fails VACUUM in a procedure is not supported
CALL sp_run_text('VACUUM');
--@ fails cannot EXECUTE a null querystring
CALL sp_run_text(NULL);
--@ fails syntax error at or near "SELEC"
CALL sp_run_text('SELEC 1');
