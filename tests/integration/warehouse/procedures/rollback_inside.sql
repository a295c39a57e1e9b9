-- ROLLBACK undoes what the procedure did so far, and goes on.
--@ setup
CREATE TABLE votes (a INT);
--@ procedure
CREATE PROCEDURE sp_rollback(a INT, b INT) LANGUAGE plpgsql AS $$
DECLARE
    total INT;
BEGIN
    INSERT INTO votes VALUES (a);
    SELECT SUM(votes.a) INTO total FROM votes;
    IF total > 2 THEN
        ROLLBACK;
    END IF;
    INSERT INTO votes VALUES (b);
END;
$$;
--@ run
CALL sp_rollback(3, 4);
--@ rows [[4]]
SELECT a FROM votes;
--@ batch ROLLBACK cannot be invoked
CALL sp_rollback(3, 5);
