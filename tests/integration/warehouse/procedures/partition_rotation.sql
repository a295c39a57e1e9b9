-- Monthly tables: make the next, drop what is too old, by computed SQL.
--@ setup
CREATE TABLE events_2023_12 (a INT);
CREATE TABLE events_2024_01 (a INT);
CREATE TABLE events_template (a INT, note VARCHAR(20) DEFAULT 'x');
--@ procedure
CREATE OR REPLACE PROCEDURE sp_rotate(today DATE, keep_months INT) AS $$
DECLARE
    next_name VARCHAR(64);
    oldest VARCHAR(64);
    item RECORD;
BEGIN
    next_name := 'events_' || TO_CHAR(ADD_MONTHS(today, 1), 'YYYY_MM');
    oldest := 'events_' || TO_CHAR(ADD_MONTHS(today, -keep_months), 'YYYY_MM');
    EXECUTE 'CREATE TABLE IF NOT EXISTS ' || QUOTE_IDENT(next_name) || ' (LIKE events_template INCLUDING DEFAULTS)';
    FOR item IN SELECT table_name FROM svv_tables WHERE table_name LIKE 'events\\_20%' AND table_name < oldest ORDER BY 1 LOOP
        EXECUTE 'DROP TABLE ' || QUOTE_IDENT(item.table_name);
    END LOOP;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_rotate('2024-02-15', 1);
--@ rows [["events_2024_01"], ["events_2024_03"], ["events_template"]]
SELECT table_name FROM svv_tables ORDER BY 1;
