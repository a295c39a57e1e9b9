-- IN, INOUT and OUT: the caller gives no OUT arguments and gets one row.
--@ procedure
CREATE OR REPLACE PROCEDURE test_sp2(f1 IN INT, f2 INOUT VARCHAR(256), out_var OUT VARCHAR(256)) AS $$
DECLARE
    loop_var INT;
BEGIN
    IF f1 IS NULL OR f2 IS NULL THEN
        RAISE EXCEPTION 'input cannot be null';
    END IF;
    loop_var := f1;
    WHILE loop_var > 0 LOOP
        f2 := f2 || '+' || f2;
        loop_var := loop_var - 1;
    END LOOP;
    SELECT INTO out_var LEN(f2)::VARCHAR;
END;
$$ LANGUAGE plpgsql;
--@ rows [["2019+2019+2019+2019", "19"]]
CALL test_sp2(2, '2019');
--@ fails input cannot be null
CALL test_sp2(NULL, '2019');
--@ fails procedure test_sp2 with 1 arguments does not exist
CALL test_sp2(1);
