-- A temporary table whose name the caller gives, read later in the same transaction.
--@ setup
CREATE TABLE base (id INT);
INSERT INTO base VALUES (1), (2), (3);
--@ procedure
CREATE PROCEDURE get_rows(param IN INT, tmp_name INOUT VARCHAR(256)) AS $$
BEGIN
    EXECUTE 'drop table if exists ' || tmp_name;
    EXECUTE 'create temp table ' || tmp_name || ' as select * from base where id >= ' || param;
END;
$$ LANGUAGE plpgsql;
--@ batch
CALL get_rows(2, 'myresult');
SELECT * FROM myresult;
--@ rows [["again"]]
CALL get_rows(1, 'again');
