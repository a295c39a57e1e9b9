-- A slowly changing dimension of type 2: close changed rows, open new ones.
--@ setup
CREATE TABLE dim_customer (customer_key BIGINT IDENTITY(1,1), id INT, city VARCHAR(20), valid_from DATE, valid_to DATE, is_current BOOLEAN);
CREATE TABLE src_customer (id INT, city VARCHAR(20));
INSERT INTO dim_customer (id, city, valid_from, valid_to, is_current) VALUES (1, 'Oslo', '2020-01-01', '9999-12-31', TRUE), (2, 'Riga', '2020-01-01', '9999-12-31', TRUE);
INSERT INTO src_customer VALUES (1, 'Bergen'), (2, 'Riga'), (3, 'Turku');
--@ procedure
CREATE OR REPLACE PROCEDURE sp_scd2(load_date IN DATE) AS $$
DECLARE
    closed INTEGER := 0;
    opened INTEGER := 0;
BEGIN
    UPDATE dim_customer SET valid_to = DATEADD(day, -1, load_date)::DATE, is_current = FALSE
    FROM src_customer s
    WHERE dim_customer.id = s.id AND dim_customer.is_current AND dim_customer.city <> s.city;
    GET DIAGNOSTICS closed = ROW_COUNT;
    INSERT INTO dim_customer (id, city, valid_from, valid_to, is_current)
    SELECT s.id, s.city, load_date, '9999-12-31', TRUE
    FROM src_customer s LEFT JOIN dim_customer d ON d.id = s.id AND d.is_current
    WHERE d.id IS NULL;
    GET DIAGNOSTICS opened = ROW_COUNT;
    RAISE INFO 'closed %, opened %', closed, opened;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_scd2('2024-03-01');
--@ rows [[1, "Oslo", "2020-01-01", "2024-02-29", false], [1, "Bergen", "2024-03-01", "9999-12-31", true], [2, "Riga", "2020-01-01", "9999-12-31", true], [3, "Turku", "2024-03-01", "9999-12-31", true]]
SELECT id, city, valid_from, valid_to, is_current FROM dim_customer ORDER BY id, valid_from;
