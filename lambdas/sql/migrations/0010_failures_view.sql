CREATE OR REPLACE VIEW sluice.failures AS
SELECT
    failed.settled_at AS failed_at,
    failed.target_table,
    failed.job_id,
    failed.object_key,
    failed.verdict,
    failed.error_type,
    failed.error_message,
    MIN(mended.settled_at) AS mended_at,
    failed.arrived_at,
    failed.size,
    failed.version_id,
    failed.file_id,
    failed.replay,
    failed.batch_id,
    failed.execution
FROM sluice.load_history AS failed
LEFT JOIN sluice.load_history AS mended
    ON mended.object_id = failed.object_id
    AND mended.target_table = failed.target_table
    AND mended.verdict = 'LOADED'
    AND (
        mended.sequence > failed.sequence
        OR (mended.file_id = failed.file_id AND mended.replay > failed.replay)
    )
WHERE failed.verdict IN ('REJECTED', 'MISSING')
GROUP BY
    failed.settled_at, failed.target_table, failed.job_id, failed.object_key, failed.verdict,
    failed.error_type, failed.error_message, failed.arrived_at, failed.size, failed.version_id,
    failed.file_id, failed.replay, failed.batch_id, failed.execution
