-- A date dimension, a row at a time.
--@ setup
CREATE TABLE dim_date (day DATE, year INT, quarter INT, month_name VARCHAR(12), week_day INT, is_weekend BOOLEAN);
--@ procedure
CREATE OR REPLACE PROCEDURE sp_fill_dates(first_day DATE, last_day DATE) AS $$
DECLARE
    current_day DATE := first_day;
BEGIN
    WHILE current_day <= last_day LOOP
        INSERT INTO dim_date VALUES (
            current_day,
            EXTRACT(year FROM current_day),
            DATE_PART(quarter, current_day),
            TO_CHAR(current_day, 'FMMonth'),
            DATE_PART(dow, current_day),
            CASE WHEN DATE_PART(dow, current_day) IN (0, 6) THEN TRUE ELSE FALSE END
        );
        current_day := DATEADD(day, 1, current_day);
    END LOOP;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_fill_dates('2024-03-29', '2024-04-01');
--@ rows [["2024-03-29", 2024, 1, "March", 5, false], ["2024-03-30", 2024, 1, "March", 6, true], ["2024-03-31", 2024, 1, "March", 0, true], ["2024-04-01", 2024, 2, "April", 1, false]]
SELECT * FROM dim_date ORDER BY day;
