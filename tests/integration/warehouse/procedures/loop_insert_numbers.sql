-- A table of numbers, and a name that is a variable and a column.
--@ setup
CREATE TABLE numbers (n INT, square INT);
--@ procedure
CREATE PROCEDURE sp_numbers(upto INT) AS $$
DECLARE
    n INT := 0;
BEGIN
    FOR i IN 1..upto LOOP
        n := n + i;
        INSERT INTO numbers (n, square) VALUES (i, i * i);
    END LOOP;
    UPDATE numbers SET square = n WHERE numbers.n = upto;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_numbers(4);
--@ rows [[1, 1], [2, 4], [3, 9], [4, 10]]
SELECT * FROM numbers ORDER BY 1;
--@ run
CALL sp_numbers(0);
