-- MERGE with variables on both sides.
--@ setup
CREATE TABLE stock (sku VARCHAR(10), quantity INT);
CREATE TABLE delivery (sku VARCHAR(10), quantity INT);
INSERT INTO stock VALUES ('a', 1), ('b', 2);
INSERT INTO delivery VALUES ('b', 5), ('c', 7);
--@ procedure
CREATE PROCEDURE sp_receive(factor IN INT) LANGUAGE plpgsql AS $$
DECLARE
    least INT := 1;
BEGIN
    MERGE INTO stock USING delivery ON stock.sku = delivery.sku
    WHEN MATCHED THEN UPDATE SET quantity = stock.quantity + delivery.quantity * factor
    WHEN NOT MATCHED THEN INSERT (sku, quantity) VALUES (delivery.sku, GREATEST(delivery.quantity, least));
END;
$$;
--@ run
CALL sp_receive(2);
--@ rows [["a", 1], ["b", 12], ["c", 7]]
SELECT sku, quantity FROM stock ORDER BY sku;
