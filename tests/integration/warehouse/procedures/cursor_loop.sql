-- An explicit cursor, fetched until nothing is found.
--@ setup
CREATE TABLE accounts (id INT, balance DECIMAL(10,2));
INSERT INTO accounts VALUES (1, 10), (2, -5), (3, 7.5);
--@ procedure
CREATE PROCEDURE sp_total(OUT total DECIMAL(12,2), OUT negative INT) AS $$
DECLARE
    one RECORD;
    c CURSOR FOR SELECT id, balance FROM accounts ORDER BY id;
BEGIN
    total := 0;
    negative := 0;
    OPEN c;
    LOOP
        FETCH c INTO one;
        EXIT WHEN NOT FOUND;
        total := total + one.balance;
        IF one.balance < 0 THEN
            negative := negative + 1;
        END IF;
    END LOOP;
    CLOSE c;
END;
$$ LANGUAGE plpgsql;
--@ rows [["12.50", 1]]
CALL sp_total();
