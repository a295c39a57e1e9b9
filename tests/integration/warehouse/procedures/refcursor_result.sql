-- A result set through a refcursor, fetched in the same transaction.
--@ setup
CREATE TABLE fact_tbl (id INT, name VARCHAR(10));
INSERT INTO fact_tbl VALUES (1, 'Joe'), (2, 'Ed'), (3, 'Mary');
--@ procedure
CREATE OR REPLACE PROCEDURE get_result_set(param IN INTEGER, rs_out INOUT REFCURSOR) AS $$
BEGIN
    OPEN rs_out FOR SELECT * FROM fact_tbl WHERE id >= param ORDER BY id;
END;
$$ LANGUAGE plpgsql;
--@ batch
CALL get_result_set(2, 'mycursor');
CREATE TEMP TABLE seen (a INT);
FETCH ALL FROM mycursor;
CLOSE mycursor;
--@ fails cursor "mycursor" does not exist
FETCH ALL FROM mycursor;
