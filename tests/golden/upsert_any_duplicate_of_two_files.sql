LOCK "sluice"."mutex_6b39f1d19f49ca59";

CREATE TEMP TABLE "sluice_batch" ("file_id" VARCHAR(32), "replay" INTEGER, "object_id" VARCHAR(16), "sequence" VARCHAR(64), "object_key" VARCHAR(4096), "version_id" VARCHAR(1024), "size" BIGINT, "verdict" VARCHAR(16), "rows" BIGINT, "error_type" VARCHAR(64), "error_message" VARCHAR(8192), "arrived_at" TIMESTAMP);

CREATE TEMP TABLE "sluice_findings" (code VARCHAR(32), detail VARCHAR(4096));

COPY "sluice_batch" ("file_id", "replay", "object_id", "sequence", "object_key", "version_id", "size", "verdict", "rows", "error_type", "error_message", "arrived_at") FROM 's3://sluice-data/work/run-orders-0123456789abcdef-7-0/1/files.manifest' IAM_ROLE 'arn:aws:iam::123456789012:role/sluice-copy' MANIFEST FORMAT AS CSV TIMEFORMAT 'auto';

INSERT INTO "sluice_findings" SELECT 'VERDICT', b.file_id FROM "sluice_batch" b JOIN "sluice"."load_history" h ON h.file_id = b.file_id UNION ALL SELECT 'NEWER', b.file_id FROM "sluice_batch" b JOIN "sluice"."load_history" h ON h.object_id = b.object_id AND h.sequence > b.sequence WHERE h.verdict = 'LOADED' AND b.verdict = 'LOADED' AND h.target_table = 'sales.orders';

CALL sluice.refuse_findings();

CREATE TEMP TABLE "sluice_staging_1" ("order_id" BIGINT, "name" VARCHAR(65535), "amount" DECIMAL(18,2));

COPY "sluice_staging_1" FROM 's3://sluice-data/work/run-orders-0123456789abcdef-7-0/1/rows-1.manifest' IAM_ROLE 'arn:aws:iam::123456789012:role/sluice-copy' MANIFEST FORMAT AS PARQUET;

INSERT INTO "sluice_findings" WITH "sluice_measures_1" AS (SELECT COUNT(*) AS staged, SUM(CASE WHEN "order_id" IS NULL THEN 1 ELSE 0 END) AS without_key, MAX(OCTET_LENGTH("name")) AS width_1 FROM "sluice_staging_1") SELECT 'ROWS', '1:' || CAST(staged AS VARCHAR(20)) FROM "sluice_measures_1" WHERE staged <> 200 UNION ALL SELECT 'NULL_KEY', '1:' || CAST(without_key AS VARCHAR(20)) FROM "sluice_measures_1" WHERE without_key > 0 UNION ALL SELECT 'DUPLICATE_KEY', '1:' || CAST(COUNT(*) AS VARCHAR(20)) FROM (SELECT 1 AS one FROM "sluice_staging_1" GROUP BY "order_id" HAVING COUNT(*) > 1) repeated HAVING COUNT(*) > 0 UNION ALL SELECT 'WIDTH', '1:1:' || CAST(width_1 AS VARCHAR(20)) FROM "sluice_measures_1" WHERE width_1 > 256;

CALL sluice.refuse_findings();

DELETE FROM "sales"."orders" USING "sluice_staging_1" WHERE "sales"."orders"."order_id" = "sluice_staging_1"."order_id";

INSERT INTO "sales"."orders" ("order_id", "name", "amount") SELECT "order_id", "name", "amount" FROM (SELECT "order_id", "name", "amount", ROW_NUMBER() OVER (PARTITION BY "order_id" ORDER BY "order_id") AS "sluice_rank" FROM "sluice_staging_1") ranked WHERE "sluice_rank" = 1;

INSERT INTO "sluice"."load_history" (file_id, replay, object_id, sequence, object_key, version_id, size, verdict, rows, error_type, error_message, arrived_at, job_id, target_table, batch_id, execution, settled_at) SELECT file_id, replay, object_id, sequence, object_key, version_id, size, verdict, rows, NULLIF(error_type, ''), NULLIF(error_message, ''), arrived_at, 'JOB001', 'sales.orders', 'run-orders-0123456789abcdef-7-0', 'run-orders-0123456789abcdef-7', GETDATE() FROM "sluice_batch";

