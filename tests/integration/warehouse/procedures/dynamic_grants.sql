-- Grants for every table of a schema, from a table of who may read what.
--@ setup
CREATE TABLE secret_a (a INT);
CREATE TABLE secret_b (a INT);
CREATE TABLE grant_list (table_name VARCHAR(64), privilege VARCHAR(20), grantee VARCHAR(64));
INSERT INTO grant_list VALUES ('secret_a', 'SELECT', 'IAMR:analyst'), ('secret_b', 'INSERT', 'IAMR:analyst');
--@ run role/analyst
SELECT 1;
--@ procedure
CREATE PROCEDURE sp_grant_all() AS $$
DECLARE
    item RECORD;
    command VARCHAR(500);
BEGIN
    FOR item IN SELECT table_name, privilege, grantee FROM grant_list ORDER BY 1 LOOP
        command := 'GRANT ' || item.privilege || ' ON ' || QUOTE_IDENT(item.table_name) || ' TO "' || item.grantee || '"';
        EXECUTE command;
    END LOOP;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_grant_all();
--@ run role/analyst
SELECT * FROM secret_a;
--@ run role/analyst
INSERT INTO secret_b VALUES (1);
