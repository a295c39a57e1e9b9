-- INOUT arguments carry results out of a nested call.
--@ procedure
CREATE OR REPLACE PROCEDURE inner_proc(INOUT a INT, b INT, INOUT c INT) LANGUAGE plpgsql AS $$
BEGIN
    a := b * a;
    c := b * c;
END;
$$;
--@ procedure
CREATE OR REPLACE PROCEDURE outer_proc(multiplier INT, OUT x INT, OUT y INT) LANGUAGE plpgsql AS $$
BEGIN
    x := 3;
    y := 4;
    CALL inner_proc(x, multiplier, y);
END;
$$;
--@ rows [[15, 20]]
CALL outer_proc(5);
