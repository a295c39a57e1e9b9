-- Into variables, into a record, without a row, with many.
--@ setup
CREATE TABLE people (id INT, name VARCHAR(20), born DATE);
INSERT INTO people VALUES (1, 'Ann', '1990-05-01'), (2, 'Bob', NULL);
--@ procedure
CREATE PROCEDURE sp_look(wanted INT, OUT report VARCHAR(200)) AS $$
DECLARE
    person RECORD;
    name people.name%TYPE;
    whole people%ROWTYPE;
    born DATE;
BEGIN
    SELECT INTO person * FROM people WHERE id = wanted;
    IF NOT FOUND THEN
        report := 'nobody ' || COALESCE(person.name, '?');
        RETURN;
    END IF;
    SELECT p.name, p.born INTO name, born FROM people p ORDER BY p.id DESC;
    SELECT * INTO whole FROM people WHERE people.id = 1;
    report := person.name || '/' || name || '/' || NVL(born::VARCHAR, 'unknown') || '/' || whole.name;
END;
$$ LANGUAGE plpgsql;
--@ rows [["Ann/Bob/unknown/Ann"]]
CALL sp_look(1);
--@ rows [["nobody ?"]]
CALL sp_look(7);
