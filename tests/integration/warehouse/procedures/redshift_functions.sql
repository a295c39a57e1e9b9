-- Redshift's own functions in expressions and statements.
--@ setup
CREATE TABLE results (name VARCHAR(20), value VARCHAR(60));
--@ procedure
CREATE PROCEDURE sp_functions() AS $$
DECLARE
    days INT;
    text VARCHAR(60);
    payload SUPER;
    now TIMESTAMP;
BEGIN
    days := DATEDIFF(day, '2024-02-28', '2024-03-01');
    INSERT INTO results VALUES ('datediff', days);
    text := NVL2(NULL, 'a', 'b') || DECODE(days, 2, 'two', 'other') || LEN('äö')::VARCHAR;
    INSERT INTO results VALUES ('text', text);
    now := GETDATE();
    IF now > '2020-01-01' AND DATE_TRUNC('month', now) <= now THEN
        INSERT INTO results VALUES ('getdate', 'later');
    END IF;
    payload := JSON_PARSE('{"a": [1, 2], "b": "x"}');
    INSERT INTO results VALUES ('super', JSON_SERIALIZE(payload));
    INSERT INTO results SELECT 'json', JSON_EXTRACT_PATH_TEXT('{"k": {"v": "deep"}}', 'k', 'v');
    INSERT INTO results VALUES ('strtol', STRTOL('ff', 16)::VARCHAR);
    INSERT INTO results SELECT 'listagg', LISTAGG(name, '+') WITHIN GROUP (ORDER BY name) FROM results WHERE LEN(name) = 5;
END;
$$ LANGUAGE plpgsql;
--@ run
CALL sp_functions();
--@ rows [["datediff", "2"], ["getdate", "later"], ["json", "deep"], ["listagg", "super"], ["strtol", "255"], ["super", "{\"a\":[1,2],\"b\":\"x\"}"], ["text", "btwo2"]]
SELECT * FROM results ORDER BY name;
