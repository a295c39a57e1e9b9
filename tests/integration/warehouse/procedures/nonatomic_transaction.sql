-- NONATOMIC with a transaction of its own: all or nothing between START and COMMIT.
--@ setup
CREATE TABLE ledger (a INT);
--@ procedure
CREATE PROCEDURE sp_transfer(divisor INT) NONATOMIC AS $$
BEGIN
    INSERT INTO ledger VALUES (1);
    START TRANSACTION;
    INSERT INTO ledger VALUES (2);
    INSERT INTO ledger SELECT 3 / divisor;
    COMMIT;
    INSERT INTO ledger VALUES (4);
END;
$$ LANGUAGE plpgsql;
--@ fails division by zero
CALL sp_transfer(0);
--@ rows [[1]]
SELECT a FROM ledger ORDER BY a;
--@ run
CALL sp_transfer(1);
--@ rows [[1], [1], [2], [3], [4]]
SELECT a FROM ledger ORDER BY a;
