-- CASE without ELSE fails where nothing matches.
--@ procedure
CREATE PROCEDURE sp_case(n INT) AS $$
BEGIN
    CASE n WHEN 1 THEN NULL; END CASE;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_case(1);
--@ fails case not found
CALL sp_case(2);
