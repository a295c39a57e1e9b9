-- A loop over a query inside another: Redshift has one cursor at a time.
--@ setup
CREATE TABLE outer_rows (a INT);
INSERT INTO outer_rows VALUES (1), (2);
--@ procedure
CREATE PROCEDURE sp_nested() AS $$
DECLARE
    x RECORD;
    y RECORD;
BEGIN
    FOR x IN SELECT a FROM outer_rows LOOP
        FOR y IN SELECT a FROM outer_rows LOOP
            RAISE INFO '% %', x.a, y.a;
        END LOOP;
    END LOOP;
END;
$$ LANGUAGE plpgsql;
--@ fails Redshift has no nested cursors
CALL sp_nested();
