-- Constants, NOT NULL, defaults, aliases, widths and casts.
--@ procedure
CREATE PROCEDURE sp_vars(p1 INT, INOUT p2 VARCHAR(20)) AS $$
DECLARE
    first_arg ALIAS FOR $1;
    rate CONSTANT DECIMAL(5,3) := 0.125;
    label VARCHAR(10) NOT NULL DEFAULT 'abc';
    whole INT;
    moment TIMESTAMP := '2024-02-29 10:00:00';
    is_big BOOLEAN;
    share DOUBLE PRECISION = 7;
BEGIN
    whole := first_arg * rate * 100;
    is_big := whole > 10;
    share := share / 2;
    moment := DATEADD(hour, 3, moment);
    p2 := label || ' ' || whole || ' ' || share || ' ' || TO_CHAR(moment, 'HH24:MI');
    IF is_big THEN
        p2 = p2 || '!';
    END IF;
END;
$$ LANGUAGE plpgsql;
--@ rows [["abc 25 3.5 13:00!"]]
CALL sp_vars(2, '');
--@ procedure
CREATE PROCEDURE sp_constant() AS $$ DECLARE c CONSTANT INT := 1; BEGIN c := 2; END; $$ LANGUAGE plpgsql;
--@ fails variable "c" is declared CONSTANT
CALL sp_constant();
--@ procedure
CREATE PROCEDURE sp_wide() AS $$ DECLARE v VARCHAR(3); BEGIN v := 'ää'; END; $$ LANGUAGE plpgsql;
--@ fails value too long for type character varying(3)
CALL sp_wide();
