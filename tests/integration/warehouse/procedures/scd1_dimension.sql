-- A slowly changing dimension of type 1, with counts in a log.
--@ setup
CREATE TABLE dim_product (sku VARCHAR(10), price DECIMAL(8,2));
CREATE TABLE src_product (sku VARCHAR(10), price DECIMAL(8,2));
CREATE TABLE etl_log (step VARCHAR(20), affected INT);
INSERT INTO dim_product VALUES ('a', 1.00), ('b', 2.00);
INSERT INTO src_product VALUES ('b', 2.50), ('c', 3.00);
--@ procedure
CREATE PROCEDURE sp_scd1() AS $$
DECLARE
    rows_affected INT;
BEGIN
    UPDATE dim_product SET price = s.price FROM src_product s WHERE dim_product.sku = s.sku AND dim_product.price != s.price;
    GET DIAGNOSTICS rows_affected := ROW_COUNT;
    INSERT INTO etl_log VALUES ('update', rows_affected);
    INSERT INTO dim_product SELECT * FROM src_product s WHERE NOT EXISTS (SELECT 1 FROM dim_product d WHERE d.sku = s.sku);
    GET DIAGNOSTICS rows_affected := ROW_COUNT;
    INSERT INTO etl_log VALUES ('insert', rows_affected);
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_scd1();
--@ rows [["a", "1.00"], ["b", "2.50"], ["c", "3.00"]]
SELECT * FROM dim_product ORDER BY 1;
--@ rows [["insert", 1], ["update", 1]]
SELECT * FROM etl_log ORDER BY 1;
