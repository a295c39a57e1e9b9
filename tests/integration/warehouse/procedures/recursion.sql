-- A procedure that calls itself, and one that never stops.
--@ procedure
CREATE PROCEDURE sp_factorial(n INT, INOUT result BIGINT) AS $$
BEGIN
    IF n > 1 THEN
        result := result * n;
        CALL sp_factorial(n - 1, result);
    END IF;
END;
$$ LANGUAGE plpgsql;
--@ rows [[120]]
CALL sp_factorial(5, 1);
--@ fails nested more than 16 levels
CALL sp_factorial(17, 1);
