-- A new version of a table takes the old one's name.
--@ setup
CREATE TABLE report (a INT);
INSERT INTO report VALUES (1);
--@ procedure
CREATE PROCEDURE sp_swap() AS $$
BEGIN
    DROP TABLE IF EXISTS report_old;
    CREATE TABLE report_new (LIKE report);
    INSERT INTO report_new SELECT a + 1 FROM report;
    ALTER TABLE report RENAME TO report_old;
    ALTER TABLE report_new RENAME TO report;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_swap();
--@ run
CALL sp_swap();
--@ rows [[3]]
SELECT a FROM report;
--@ rows [[2]]
SELECT a FROM report_old;
