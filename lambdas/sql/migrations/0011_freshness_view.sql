CREATE OR REPLACE VIEW sluice.freshness AS
SELECT
    history.target_table,
    history.last_loaded_at,
    DATEDIFF(second, history.last_loaded_at, GETDATE()) AS seconds_since_load,
    history.newest_arrival_at,
    history.files_loaded,
    history.rows_loaded,
    history.last_rejected_at,
    COALESCE(unmended.failures, 0) AS failures_not_mended
FROM (
    SELECT
        target_table,
        MAX(CASE WHEN verdict = 'LOADED' THEN settled_at END) AS last_loaded_at,
        MAX(CASE WHEN verdict = 'LOADED' THEN arrived_at END) AS newest_arrival_at,
        SUM(CASE WHEN verdict = 'LOADED' THEN 1 ELSE 0 END) AS files_loaded,
        CAST(SUM(CASE WHEN verdict = 'LOADED' THEN rows END) AS BIGINT) AS rows_loaded,
        MAX(CASE WHEN verdict = 'REJECTED' THEN settled_at END) AS last_rejected_at
    FROM sluice.load_history
    GROUP BY target_table
) AS history
LEFT JOIN (
    SELECT target_table, COUNT(*) AS failures
    FROM sluice.failures
    WHERE mended_at IS NULL
    GROUP BY target_table
) AS unmended ON unmended.target_table = history.target_table
