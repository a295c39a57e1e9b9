-- One procedure runs the steps that a table lists, in order, and stops at the first that fails.
--@ setup
CREATE TABLE pipeline (position INT, command VARCHAR(100));
CREATE TABLE progress (note VARCHAR(40));
INSERT INTO pipeline VALUES (1, 'CALL sp_step(''extract'')'), (2, 'CALL sp_step(''load'')');
--@ procedure
CREATE PROCEDURE sp_step(name VARCHAR(20)) AS $$
BEGIN
    IF name = 'broken' THEN
        RAISE EXCEPTION 'step % is broken', name;
    END IF;
    INSERT INTO progress VALUES (name);
END;
$$ LANGUAGE plpgsql;
--@ procedure
CREATE PROCEDURE sp_orchestrate() AS $$
DECLARE
    step RECORD;
BEGIN
    FOR step IN SELECT position, command FROM pipeline ORDER BY position LOOP
        EXECUTE step.command;
    END LOOP;
    INSERT INTO progress VALUES ('finished');
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_orchestrate();
--@ rows [["extract"], ["finished"], ["load"]]
SELECT note FROM progress ORDER BY 1;
--@ run
INSERT INTO pipeline VALUES (3, 'CALL sp_step(''broken'')');
--@ fails step broken is broken
CALL sp_orchestrate();
--@ rows [[3]]
SELECT COUNT(*) FROM progress;
