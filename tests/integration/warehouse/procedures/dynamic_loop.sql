-- FOR over the text of a query, and EXECUTE INTO several variables.
--@ setup
CREATE TABLE config_tables (name VARCHAR(30), is_active BOOLEAN);
CREATE TABLE counts (name VARCHAR(30), rows_found BIGINT, highest INT);
CREATE TABLE t1 (a INT);
CREATE TABLE t2 (a INT);
INSERT INTO t1 VALUES (1), (5);
INSERT INTO config_tables VALUES ('t1', TRUE), ('t2', TRUE), ('t3', FALSE);
--@ procedure
CREATE PROCEDURE sp_count_all() AS $$
DECLARE
    item RECORD;
    found_rows BIGINT;
    highest INT;
BEGIN
    FOR item IN EXECUTE 'SELECT name FROM config_tables WHERE is_active ORDER BY name' LOOP
        EXECUTE 'SELECT COUNT(*), MAX(a) FROM ' || QUOTE_IDENT(item.name) INTO found_rows, highest;
        INSERT INTO counts VALUES (item.name, found_rows, highest);
    END LOOP;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_count_all();
--@ rows [["t1", 2, 5], ["t2", 0, null]]
SELECT * FROM counts ORDER BY 1;
