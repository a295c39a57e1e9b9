-- A daily summary made anew for a range of days.
--@ setup
CREATE TABLE sales (sold DATE, shop VARCHAR(10), amount DECIMAL(10,2));
CREATE TABLE daily_sales (sold DATE, shop VARCHAR(10), orders BIGINT, amount DECIMAL(12,2), shops VARCHAR(100));
INSERT INTO sales VALUES ('2024-01-01', 'n', 1), ('2024-01-01', 'n', 2), ('2024-01-02', 's', 4), ('2024-01-03', 's', 8);
INSERT INTO daily_sales VALUES ('2024-01-01', 'old', 9, 9, ''), ('2023-12-31', 'kept', 1, 1, '');
--@ procedure
CREATE OR REPLACE PROCEDURE sp_refresh_daily(from_day DATE, to_day DATE, INOUT refreshed INT) AS $$
BEGIN
    IF from_day > to_day THEN
        RAISE EXCEPTION 'the range % to % is empty', from_day, to_day;
    END IF;
    DELETE FROM daily_sales WHERE sold BETWEEN from_day AND to_day;
    INSERT INTO daily_sales
    SELECT s.sold, s.shop, COUNT(*), SUM(amount), LISTAGG(DISTINCT s.shop, ',') WITHIN GROUP (ORDER BY s.shop)
    FROM sales s WHERE s.sold BETWEEN from_day AND to_day GROUP BY 1, 2;
    SELECT INTO refreshed COUNT(*) FROM daily_sales WHERE sold BETWEEN from_day AND to_day;
END;
$$ LANGUAGE plpgsql;
--@ rows [[2]]
CALL sp_refresh_daily('2024-01-01', '2024-01-02', 0);
--@ rows [["2023-12-31", 1, "1.00"], ["2024-01-01", 2, "3.00"], ["2024-01-02", 1, "4.00"]]
SELECT sold, orders, amount FROM daily_sales ORDER BY sold;
--@ fails the range 2024-02-01 to 2024-01-01 is empty
CALL sp_refresh_daily('2024-02-01', '2024-01-01', 0);
