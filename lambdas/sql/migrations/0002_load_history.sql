CREATE TABLE IF NOT EXISTS sluice.load_history (
    file_id VARCHAR(32) NOT NULL,
    replay INTEGER NOT NULL,
    object_id VARCHAR(16) NOT NULL,
    sequence VARCHAR(64) NOT NULL,
    job_id VARCHAR(1024) NOT NULL,
    target_table VARCHAR(512) NOT NULL,
    object_key VARCHAR(4096) NOT NULL,
    version_id VARCHAR(1024) NOT NULL,
    size BIGINT NOT NULL,
    verdict VARCHAR(16) NOT NULL,
    rows BIGINT,
    error_type VARCHAR(64),
    error_message VARCHAR(8192),
    batch_id VARCHAR(256) NOT NULL,
    execution VARCHAR(1024) NOT NULL,
    arrived_at TIMESTAMP NOT NULL,
    settled_at TIMESTAMP NOT NULL
) DISTSTYLE AUTO SORTKEY AUTO
