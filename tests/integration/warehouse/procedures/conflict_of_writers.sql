-- LOCK inside a procedure, and a procedure that reads its own writes.
--@ setup
CREATE TABLE counters (name VARCHAR(10), value INT);
INSERT INTO counters VALUES ('hits', 0);
--@ procedure
CREATE PROCEDURE sp_count_up(counter VARCHAR(10), times INT, OUT reached INT) AS $$
BEGIN
    LOCK TABLE counters;
    FOR i IN 1..times LOOP
        UPDATE counters SET value = value + 1 WHERE name = counter;
    END LOOP;
    SELECT value INTO reached FROM counters WHERE name = counter;
END;
$$ LANGUAGE plpgsql;
--@ rows [[3]]
CALL sp_count_up('hits', 3);
--@ rows [[5]]
CALL sp_count_up('hits', 2);
