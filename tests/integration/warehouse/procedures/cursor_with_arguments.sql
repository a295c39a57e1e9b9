-- A declared cursor with an argument, opened twice.
--@ setup
CREATE TABLE tickets (id INT, status VARCHAR(10));
INSERT INTO tickets VALUES (1, 'open'), (2, 'closed'), (3, 'open');
--@ procedure
CREATE PROCEDURE sp_first_of_each(OUT first_open INT, OUT first_closed INT) AS $$
DECLARE
    by_status CURSOR (wanted VARCHAR) FOR SELECT id FROM tickets WHERE status = wanted ORDER BY id;
BEGIN
    OPEN by_status('open');
    FETCH by_status INTO first_open;
    CLOSE by_status;
    OPEN by_status('closed');
    FETCH NEXT FROM by_status INTO first_closed;
    CLOSE by_status;
END;
$$ LANGUAGE plpgsql;
--@ rows [[1, 2]]
CALL sp_first_of_each();
