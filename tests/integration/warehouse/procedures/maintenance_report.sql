-- What a table of tables holds, through the system views.
--@ setup
CREATE TABLE small_one (a INT);
CREATE TABLE large_one (a INT);
INSERT INTO small_one VALUES (1);
INSERT INTO large_one VALUES (1), (2), (3);
CREATE TABLE size_report (name VARCHAR(64), found BIGINT);
--@ procedure
CREATE PROCEDURE sp_sizes(least INT) AS $$
DECLARE
    item RECORD;
BEGIN
    FOR item IN SELECT "table" AS name, tbl_rows FROM svv_table_info WHERE "schema" = 'public' ORDER BY 1 LOOP
        IF item.tbl_rows >= least THEN
            INSERT INTO size_report VALUES (item.name, item.tbl_rows);
        END IF;
    END LOOP;
    ANALYZE size_report;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_sizes(2);
--@ rows [["large_one", 3]]
SELECT * FROM size_report;
