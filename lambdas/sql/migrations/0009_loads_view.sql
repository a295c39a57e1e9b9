CREATE OR REPLACE VIEW sluice.loads AS
SELECT
    MAX(settled_at) AS settled_at,
    target_table,
    job_id,
    SUM(CASE WHEN verdict = 'LOADED' THEN 1 ELSE 0 END) AS files_loaded,
    SUM(CASE WHEN verdict = 'REJECTED' THEN 1 ELSE 0 END) AS files_rejected,
    SUM(CASE WHEN verdict IN ('MISSING', 'SUPERSEDED') THEN 1 ELSE 0 END) AS files_passed_over,
    CAST(SUM(CASE WHEN verdict = 'LOADED' THEN rows END) AS BIGINT) AS rows_loaded,
    CAST(SUM(CASE WHEN verdict = 'LOADED' THEN size END) AS BIGINT) AS bytes_loaded,
    MIN(arrived_at) AS first_arrival_at,
    DATEDIFF(second, MIN(arrived_at), MAX(settled_at)) AS longest_wait_seconds,
    batch_id,
    execution
FROM sluice.load_history
GROUP BY target_table, job_id, batch_id, execution
