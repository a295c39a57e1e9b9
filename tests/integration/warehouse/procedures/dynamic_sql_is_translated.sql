-- Text that is run is Redshift SQL too.
--@ setup
CREATE TABLE measures (name VARCHAR(20), value VARCHAR(60));
--@ procedure
CREATE PROCEDURE sp_measure(table_name VARCHAR) AS $$
DECLARE
    total BIGINT;
    sql VARCHAR(MAX);
BEGIN
    EXECUTE 'CREATE TABLE ' || table_name || ' (a INT DISTKEY, v VARCHAR(20) ENCODE zstd) SORTKEY (a)';
    EXECUTE 'INSERT INTO ' || table_name || ' VALUES (1, NVL(NULL, ''x'')), (2, DECODE(1, 1, ''y'', ''z''))';
    EXECUTE 'SELECT COUNT(*) FROM ' || table_name INTO total;
    sql := 'INSERT INTO measures SELECT ' || QUOTE_LITERAL(table_name) || ', LISTAGG(v, ''|'') WITHIN GROUP (ORDER BY a) || '':'' || ' || total || ' FROM ' || table_name;
    EXECUTE sql;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_measure('made_here');
--@ rows [["made_here", "x|y:2"]]
SELECT * FROM measures;
