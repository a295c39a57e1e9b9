SELECT job_id, verdict, COUNT(*) AS files, SUM(rows) AS total_rows, MAX(settled_at) AS settled_at
FROM sluice.load_history
GROUP BY job_id, verdict
