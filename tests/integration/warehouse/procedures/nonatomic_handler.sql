-- NONATOMIC: a handled error is not thrown again, and the procedure goes on.
--@ setup
CREATE TABLE journal (note VARCHAR(60));
--@ procedure
CREATE PROCEDURE sp_tolerant() NONATOMIC LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO journal VALUES ('before');
    BEGIN
        INSERT INTO journal VALUES ('inside');
        INSERT INTO journal SELECT 1 / 0;
    EXCEPTION WHEN OTHERS THEN
        INSERT INTO journal VALUES ('caught ' || SQLERRM);
    END;
    INSERT INTO journal VALUES ('since');
END;
$$;
--@ run
CALL sp_tolerant();
--@ rows [["before"], ["caught division by zero"], ["inside"], ["since"]]
SELECT note FROM journal ORDER BY 1;
