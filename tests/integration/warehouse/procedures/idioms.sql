-- Turns of phrase that bodies are full of.
--@ setup
CREATE TABLE queue (id INT, state VARCHAR(10), note VARCHAR(40));
CREATE TABLE out_rows (n INT, v VARCHAR(60));
INSERT INTO queue VALUES (1, 'new', 'a;b'), (2, 'new', NULL), (3, 'done', 'c');
--@ procedure
CREATE OR REPLACE PROCEDURE sp_idioms(p_state VARCHAR(10))
LANGUAGE plpgsql
AS $$
/* a comment; with a semicolon */
DECLARE
    v_count  integer := 0;  -- and one at the end of a line; too
    v_first  varchar(40);
    v_id     int;
    v_sql    varchar(max);
    rec      record;
    v_total  numeric(12,2) default 0;
    v_day    date := TRUNC(SYSDATE);
    v_flag   boolean not null := false;
BEGIN
    v_count := (SELECT COUNT(*) FROM queue WHERE state = p_state);
    IF EXISTS (SELECT 1 FROM queue WHERE note = 'a;b') AND (v_count > 0) THEN
        INSERT INTO out_rows VALUES (1, 'exists; ' || v_count);
    ELSEIF v_count = 0 THEN
        RAISE NOTICE 'none; really, %', v_count;
    END IF;
    SELECT INTO v_id, v_first id, note FROM queue ORDER BY id LIMIT 1;
    WITH latest AS (SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) AS rn FROM queue)
    SELECT id INTO v_count FROM latest WHERE rn = 1;
    INSERT INTO out_rows (n, v) (SELECT v_count, v_first || v_id);
    WHILE (SELECT COUNT(*) FROM queue WHERE state = 'new') > 0 LOOP
        SELECT MIN(id) INTO v_id FROM queue WHERE state = 'new';
        UPDATE queue SET state = 'done', note = COALESCE(note, 'was null') WHERE queue.id = v_id;
        v_total = v_total + 1.5;
    END LOOP;
    FOR rec IN (SELECT id, note FROM queue WHERE id IN (SELECT id FROM queue WHERE id > 1) ORDER BY id) LOOP
        rec.note := UPPER(rec.note);
        INSERT INTO out_rows VALUES (rec.id * 10, rec.note);
    END LOOP;
    v_sql := 'INSERT INTO out_rows VALUES (99, ''' || REPLACE('it''s', '''', '''''') || ''')';
    EXECUTE v_sql;
    EXECUTE('UPDATE out_rows SET v = v || ''.'' WHERE n = 99');
    v_flag := v_total >= 3 AND v_day <= CURRENT_DATE;
    v_first := CASE WHEN v_flag THEN 'yes ' || CASE v_total WHEN 3 THEN 'three' ELSE 'other' END ELSE 'no' END;
    INSERT INTO out_rows SELECT 100, v_first WHERE v_flag = TRUE;
    DELETE FROM out_rows USING queue WHERE out_rows.n = queue.id * 10 AND queue.id = 2;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    <<inner_block>>
    DECLARE
        v_count varchar(10) := 'inner';
    BEGIN
        INSERT INTO out_rows VALUES (101, v_count);
        EXIT inner_block WHEN v_flag;
        INSERT INTO out_rows VALUES (102, 'never');
    END;
    INSERT INTO out_rows VALUES (103, v_count::varchar || ' ' || to_char(v_total, 'FM990.00'));
    PERFORM LEN('x');
    ANALYZE out_rows;
END;
$$;
--@ run
CALL sp_idioms('new');
--@ rows [[1, "exists; 2"], [3, "a;b1"], [30, "C"], [99, "it's."], [100, "yes three"], [101, "inner"], [103, "1 3.00"]]
SELECT n, v FROM out_rows ORDER BY n;
--@ rows [[1, "done", "a;b"], [2, "done", "was null"], [3, "done", "c"]]
SELECT * FROM queue ORDER BY id;
