-- CASE, labels, EXIT, CONTINUE, REVERSE.
--@ setup
CREATE TABLE trace (line VARCHAR(40));
--@ procedure
CREATE PROCEDURE sp_flow(n INT) AS $$
DECLARE
    word VARCHAR(20);
BEGIN
    CASE n WHEN 1, 2 THEN word := 'few'; WHEN 3 THEN word := 'some'; ELSE word := 'many'; END CASE;
    INSERT INTO trace VALUES (word);
    CASE WHEN n BETWEEN 0 AND 2 THEN word := 'low'; WHEN n > 2 THEN word := 'high'; END CASE;
    INSERT INTO trace VALUES (word);
    <<outermost>>
    FOR i IN 1..3 LOOP
        FOR j IN REVERSE 3..1 LOOP
            CONTINUE WHEN j = 2;
            EXIT outermost WHEN i = 2;
            INSERT INTO trace VALUES (i || '-' || j);
        END LOOP;
    END LOOP outermost;
    LOOP
        n := n + 1;
        IF n > 10 THEN
            INSERT INTO trace VALUES ('n=' || n);
            EXIT;
        END IF;
    END LOOP;
    RETURN;
    INSERT INTO trace VALUES ('never');
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_flow(3);
--@ rows [["1-1"], ["1-3"], ["high"], ["n=11"], ["some"]]
SELECT line FROM trace ORDER BY 1;
