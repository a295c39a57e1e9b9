-- Columns made from values, by computed DDL.
--@ setup
CREATE TABLE long_form (id INT, attribute VARCHAR(10), value VARCHAR(10));
INSERT INTO long_form VALUES (1, 'color', 'red'), (1, 'size', 'xl'), (2, 'color', 'blue');
--@ procedure
CREATE PROCEDURE sp_pivot() AS $$
DECLARE
    item RECORD;
    parts VARCHAR(MAX) := '';
BEGIN
    FOR item IN SELECT DISTINCT attribute FROM long_form ORDER BY 1 LOOP
        parts := parts || ', MAX(CASE WHEN attribute = ' || QUOTE_LITERAL(item.attribute) || ' THEN value END) AS ' || QUOTE_IDENT(item.attribute);
    END LOOP;
    EXECUTE 'CREATE TABLE wide_form AS SELECT id' || parts || ' FROM long_form GROUP BY id';
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_pivot();
--@ rows [[1, "red", "xl"], [2, "blue", null]]
SELECT id, color, size FROM wide_form ORDER BY 1;
