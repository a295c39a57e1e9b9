GRANT EXECUTE ON PROCEDURE sluice.refuse_findings() TO ${LOADER}
