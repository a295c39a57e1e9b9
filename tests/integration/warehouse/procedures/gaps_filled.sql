-- Missing days of a series, filled with the last known value.
--@ setup
CREATE TABLE rates (day DATE, rate DECIMAL(6,3));
CREATE TABLE rates_filled (day DATE, rate DECIMAL(6,3));
INSERT INTO rates VALUES ('2024-01-01', 1.5), ('2024-01-04', 2.5);
--@ procedure
CREATE PROCEDURE sp_fill_gaps(upto DATE) AS $$
DECLARE
    this_day DATE;
    known DECIMAL(6,3);
    found_rate DECIMAL(6,3);
BEGIN
    SELECT MIN(day) INTO this_day FROM rates;
    WHILE this_day <= upto LOOP
        SELECT rate INTO found_rate FROM rates WHERE day = this_day;
        known := COALESCE(found_rate, known);
        INSERT INTO rates_filled VALUES (this_day, known);
        this_day := this_day + 1;
    END LOOP;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_fill_gaps('2024-01-05');
--@ rows [["2024-01-01", "1.500"], ["2024-01-02", "1.500"], ["2024-01-03", "1.500"], ["2024-01-04", "2.500"], ["2024-01-05", "2.500"]]
SELECT * FROM rates_filled ORDER BY 1;
