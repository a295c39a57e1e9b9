-- One procedure merges any table: names, keys and columns come from a configuration and the catalog.
--@ setup
CREATE TABLE merge_config (target VARCHAR(64), source VARCHAR(64), key_column VARCHAR(64));
CREATE TABLE dim_a (id INT, name VARCHAR(20), price DECIMAL(8,2));
CREATE TABLE stg_a (id INT, name VARCHAR(20), price DECIMAL(8,2));
INSERT INTO merge_config VALUES ('dim_a', 'stg_a', 'id');
INSERT INTO dim_a VALUES (1, 'old', 1), (2, 'kept', 2);
INSERT INTO stg_a VALUES (1, 'new', 9.5), (3, 'added', 3);
--@ procedure
CREATE PROCEDURE sp_merge_any(p_target VARCHAR(64), OUT merged INT) AS $$
DECLARE
    config RECORD;
    columns VARCHAR(MAX);
BEGIN
    SELECT * INTO config FROM merge_config WHERE target = p_target;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no configuration for %', p_target;
    END IF;
    SELECT LISTAGG(QUOTE_IDENT(column_name), ', ') WITHIN GROUP (ORDER BY ordinal_position) INTO columns
    FROM svv_columns WHERE table_schema = 'public' AND table_name = p_target;
    EXECUTE 'DELETE FROM ' || config.target || ' USING ' || config.source || ' s WHERE '
        || config.target || '.' || config.key_column || ' = s.' || config.key_column;
    EXECUTE 'INSERT INTO ' || config.target || ' (' || columns || ') SELECT ' || columns || ' FROM ' || config.source;
    GET DIAGNOSTICS merged := ROW_COUNT;
END;
$$ LANGUAGE plpgsql;
--@ rows [[2]]
CALL sp_merge_any('dim_a');
--@ rows [[1, "new", "9.50"], [2, "kept", "2.00"], [3, "added", "3.00"]]
SELECT * FROM dim_a ORDER BY id;
--@ fails no configuration for dim_b
CALL sp_merge_any('dim_b');
