-- Whoever may call it acts as its owner in it, and as nobody else after it.
--@ setup
CREATE TABLE payroll (name VARCHAR(10), pay INT);
INSERT INTO payroll VALUES ('Ann', 10), ('Bob', 20);
CREATE TABLE payroll_total (caller VARCHAR(64), total INT);
GRANT SELECT ON payroll_total TO PUBLIC;
--@ procedure
CREATE PROCEDURE sp_payroll_total() SECURITY DEFINER AS $$
BEGIN
    INSERT INTO payroll_total SELECT CURRENT_USER, SUM(pay) FROM payroll;
END;
$$ LANGUAGE plpgsql;
--@ run
GRANT EXECUTE ON PROCEDURE sp_payroll_total() TO PUBLIC;
--@ run role/clerk
CALL sp_payroll_total();
--@ rows [["IAM:admin", 30]]
SELECT caller, total FROM payroll_total;
--@ procedure
CREATE PROCEDURE sp_payroll_invoker() SECURITY INVOKER AS $$
BEGIN
    INSERT INTO payroll_total SELECT CURRENT_USER, SUM(pay) FROM payroll;
EXCEPTION WHEN OTHERS THEN
    RAISE EXCEPTION 'as caller: %', SQLERRM;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_payroll_invoker();
--@ rows [[2]]
SELECT COUNT(*) FROM payroll_total;
