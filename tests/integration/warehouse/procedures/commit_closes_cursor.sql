-- COMMIT in a loop over a query closes the cursor of the loop.
--@ setup
CREATE TABLE work_list (a INT);
CREATE TABLE work_done (a INT);
INSERT INTO work_list VALUES (1), (2);
--@ procedure
CREATE PROCEDURE sp_commit_in_loop() AS $$
DECLARE
    item RECORD;
BEGIN
    FOR item IN SELECT a FROM work_list ORDER BY a LOOP
        INSERT INTO work_done VALUES (item.a);
        COMMIT;
    END LOOP;
END;
$$ LANGUAGE plpgsql;
--@ fails does not exist
CALL sp_commit_in_loop();
--@ rows [[1]]
SELECT a FROM work_done;
