-- Data quality rules kept as SQL in a table, each counted.
--@ setup
CREATE TABLE rules (id INT, name VARCHAR(20), condition VARCHAR(100));
CREATE TABLE findings (rule VARCHAR(20), bad BIGINT);
CREATE TABLE loaded (id INT, price DECIMAL(8,2));
INSERT INTO rules VALUES (1, 'no price', 'price IS NULL'), (2, 'negative', 'price < 0'), (3, 'no id', 'id IS NULL');
INSERT INTO loaded VALUES (1, 1), (2, NULL), (3, -1), (4, NULL);
--@ procedure
CREATE PROCEDURE sp_validate(max_bad INT) AS $$
DECLARE
    rule RECORD;
    bad BIGINT;
    total BIGINT := 0;
BEGIN
    DELETE FROM findings;
    FOR rule IN SELECT name, condition FROM rules ORDER BY id LOOP
        EXECUTE 'SELECT COUNT(*) FROM loaded WHERE ' || rule.condition INTO bad;
        IF bad > 0 THEN
            INSERT INTO findings VALUES (rule.name, bad);
            total := total + bad;
        END IF;
    END LOOP;
    IF total > max_bad THEN
        RAISE EXCEPTION 'VALIDATION: % bad rows, % allowed', total, max_bad;
    END IF;
END;
$$ LANGUAGE plpgsql;
--@ fails VALIDATION: 3 bad rows, 2 allowed
CALL sp_validate(2);
--@ rows [[0]]
SELECT COUNT(*) FROM findings;
--@ run
CALL sp_validate(3);
--@ rows [["negative", 1], ["no price", 2]]
SELECT * FROM findings ORDER BY 1;
