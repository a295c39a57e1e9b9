-- An upsert through a temporary staging table: delete what matches, insert all.
--@ setup
CREATE TABLE customers (id INT, name VARCHAR(40), updated_at TIMESTAMP);
CREATE TABLE incoming (id INT, name VARCHAR(40), updated_at TIMESTAMP);
INSERT INTO customers VALUES (1, 'Ann', '2024-01-01'), (2, 'Bob', '2024-01-01');
INSERT INTO incoming VALUES (2, 'Robert', '2024-02-01'), (3, 'Cid', '2024-02-01');
--@ procedure
CREATE OR REPLACE PROCEDURE sp_merge_customers(OUT deleted INT, OUT inserted INT)
AS $$
BEGIN
    DROP TABLE IF EXISTS stage_customers;
    CREATE TEMP TABLE stage_customers (LIKE incoming);
    INSERT INTO stage_customers SELECT * FROM incoming;
    DELETE FROM customers USING stage_customers s WHERE customers.id = s.id;
    GET DIAGNOSTICS deleted := ROW_COUNT;
    INSERT INTO customers SELECT * FROM stage_customers;
    GET DIAGNOSTICS inserted := ROW_COUNT;
    DROP TABLE stage_customers;
END;
$$ LANGUAGE plpgsql;
--@ rows [[1, 2]]
CALL sp_merge_customers();
--@ rows [[1, "Ann"], [2, "Robert"], [3, "Cid"]]
SELECT id, name FROM customers ORDER BY id;
