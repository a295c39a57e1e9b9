CREATE TABLE sales_by_status (day DATE, status VARCHAR(32), orders BIGINT, items BIGINT, total DECIMAL(18,2))

CREATE TABLE release_log (step VARCHAR(64), said VARCHAR(256), at TIMESTAMP)

CREATE PROCEDURE refresh_sales(newest DATE) AS $$
BEGIN
    DELETE FROM sales_by_status;
    INSERT INTO sales_by_status
    SELECT order_date, status, COUNT(*), SUM(item_count), SUM(total)
    FROM order_summary WHERE order_date <= newest GROUP BY 1, 2;
END;
$$ LANGUAGE plpgsql SECURITY DEFINER

CREATE PROCEDURE check_totals() AS $$
DECLARE
    summed DECIMAL(18,2);
    ordered DECIMAL(18,2);
BEGIN
    SELECT SUM(total) INTO summed FROM sales_by_status;
    SELECT SUM(total) INTO ordered FROM order_summary;
    IF summed <> ordered THEN
        RAISE EXCEPTION 'the summary has %, the orders have %', summed, ordered;
    END IF;
END;
$$ LANGUAGE plpgsql SECURITY DEFINER

CREATE PROCEDURE convert_currencies(target VARCHAR(3)) AS $$
BEGIN
    RAISE EXCEPTION 'no rates for %', target;
END;
$$ LANGUAGE plpgsql SECURITY DEFINER

CREATE PROCEDURE note(step VARCHAR(64), said VARCHAR(256)) AS $$
BEGIN
    INSERT INTO release_log VALUES (step, said, GETDATE());
END;
$$ LANGUAGE plpgsql SECURITY DEFINER

GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA public TO "IAMR:sluice-local-run-procedures"
