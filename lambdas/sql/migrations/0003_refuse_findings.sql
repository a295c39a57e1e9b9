CREATE OR REPLACE PROCEDURE sluice.refuse_findings() LANGUAGE plpgsql AS $$
DECLARE
    finding RECORD;
    found VARCHAR(60000) := '';
BEGIN
    FOR finding IN SELECT code, detail FROM sluice_findings ORDER BY code, detail LOOP
        found := found || ';' || finding.code || ':' || finding.detail;
    END LOOP;
    IF found <> '' THEN
        RAISE EXCEPTION 'SLUICE_REFUSED %', found;
    END IF;
END;
$$
