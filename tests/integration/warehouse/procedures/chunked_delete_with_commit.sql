-- Delete in pieces, each committed: a WHILE loop has no cursor to close.
--@ setup
CREATE TABLE old_rows (id INT);
CREATE TABLE pieces (upto INT, removed INT);
INSERT INTO old_rows SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5;
--@ procedure
CREATE PROCEDURE sp_purge(size INT) AS $$
DECLARE
    upto INT := 0;
    highest INT;
    removed INT;
BEGIN
    SELECT MAX(id) INTO highest FROM old_rows;
    WHILE upto < highest LOOP
        upto := upto + size;
        DELETE FROM old_rows WHERE id <= upto;
        GET DIAGNOSTICS removed := ROW_COUNT;
        INSERT INTO pieces VALUES (upto, removed);
        COMMIT;
        IF upto >= 4 THEN
            RAISE EXCEPTION 'stopped at %', upto;
        END IF;
    END LOOP;
END;
$$ LANGUAGE plpgsql;
--@ fails stopped at 4
CALL sp_purge(2);
--@ rows [[2, 2], [4, 2]]
SELECT * FROM pieces ORDER BY 1;
--@ rows [[5]]
SELECT id FROM old_rows;
