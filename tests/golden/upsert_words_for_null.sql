LOCK "sluice"."mutex_6b39f1d19f49ca59";

CREATE TEMP TABLE "sluice_batch" ("file_id" VARCHAR(32), "replay" INTEGER, "object_id" VARCHAR(16), "sequence" VARCHAR(64), "object_key" VARCHAR(4096), "version_id" VARCHAR(1024), "size" BIGINT, "verdict" VARCHAR(16), "rows" BIGINT, "error_type" VARCHAR(64), "error_message" VARCHAR(8192), "arrived_at" TIMESTAMP);

CREATE TEMP TABLE "sluice_findings" (code VARCHAR(32), detail VARCHAR(4096));

COPY "sluice_batch" ("file_id", "replay", "object_id", "sequence", "object_key", "version_id", "size", "verdict", "rows", "error_type", "error_message", "arrived_at") FROM 's3://sluice-data/work/run-orders-0123456789abcdef-7-0/1/files.manifest' IAM_ROLE 'arn:aws:iam::123456789012:role/sluice-copy' MANIFEST FORMAT AS CSV TIMEFORMAT 'auto';

INSERT INTO "sluice_findings" SELECT 'VERDICT', b.file_id FROM "sluice_batch" b JOIN "sluice"."load_history" h ON h.file_id = b.file_id UNION ALL SELECT 'NEWER', b.file_id FROM "sluice_batch" b JOIN "sluice"."load_history" h ON h.object_id = b.object_id AND h.sequence > b.sequence WHERE h.verdict = 'LOADED' AND b.verdict = 'LOADED' AND h.target_table = 'sales.orders';

CALL sluice.refuse_findings();

CREATE TEMP TABLE "sluice_staging_1" ("order_id" BIGINT, "is_open" VARCHAR(65535), "amount" VARCHAR(65535));

COPY "sluice_staging_1" ("order_id", "is_open", "amount") FROM 's3://sluice-data/work/run-orders-0123456789abcdef-7-0/1/rows-1.manifest' IAM_ROLE 'arn:aws:iam::123456789012:role/sluice-copy' MANIFEST FORMAT AS CSV DELIMITER ',' QUOTE '"' IGNOREHEADER 1 IGNOREBLANKLINES DATEFORMAT 'auto' TIMEFORMAT 'auto';

INSERT INTO "sluice_findings" WITH "sluice_measures_1" AS (SELECT SUM(CASE WHEN "order_id" IS NULL THEN 1 ELSE 0 END) AS without_key, SUM(CASE WHEN LOWER(CASE WHEN "is_open" IN ('', 'NA') THEN NULL ELSE "is_open" END) NOT IN ('t', 'true', 'y', 'yes', '1', 'f', 'false', 'n', 'no', '0') THEN 1 ELSE 0 END) AS cut_1, SUM(CASE WHEN CASE WHEN "amount" IN ('', 'NA', 'nan') THEN NULL ELSE "amount" END !~ '^[+-]?0*[0-9]{0,16}([.][0-9]{0,2}0*)?$' THEN 1 ELSE 0 END) AS cut_2 FROM "sluice_staging_1") SELECT 'NULL_KEY', '1:' || CAST(without_key AS VARCHAR(20)) FROM "sluice_measures_1" WHERE without_key > 0 UNION ALL SELECT 'DUPLICATE_KEY', '1:' || CAST(COUNT(*) AS VARCHAR(20)) FROM (SELECT 1 AS one FROM "sluice_staging_1" GROUP BY "order_id" HAVING COUNT(*) > 1) repeated HAVING COUNT(*) > 0 UNION ALL SELECT 'CUT', '1:1:' || CAST(cut_1 AS VARCHAR(20)) FROM "sluice_measures_1" WHERE cut_1 > 0 UNION ALL SELECT 'CUT', '1:2:' || CAST(cut_2 AS VARCHAR(20)) FROM "sluice_measures_1" WHERE cut_2 > 0;

CALL sluice.refuse_findings();

DELETE FROM "sales"."orders" USING "sluice_staging_1" WHERE "sales"."orders"."order_id" = "sluice_staging_1"."order_id";

INSERT INTO "sales"."orders" ("order_id", "is_open", "amount") SELECT "order_id", CASE WHEN "is_open" IN ('', 'NA') THEN NULL WHEN LOWER("is_open") IN ('t', 'true', 'y', 'yes', '1') THEN TRUE WHEN LOWER("is_open") IN ('f', 'false', 'n', 'no', '0') THEN FALSE END AS "is_open", CAST(CASE WHEN "amount" IN ('', 'NA', 'nan') THEN NULL ELSE "amount" END AS DECIMAL(18,2)) AS "amount" FROM "sluice_staging_1";

INSERT INTO "sluice"."load_history" (file_id, replay, object_id, sequence, object_key, version_id, size, verdict, rows, error_type, error_message, arrived_at, job_id, target_table, batch_id, execution, settled_at) SELECT file_id, replay, object_id, sequence, object_key, version_id, size, verdict, rows, NULLIF(error_type, ''), NULLIF(error_message, ''), arrived_at, 'JOB001', 'sales.orders', 'run-orders-0123456789abcdef-7-0', 'run-orders-0123456789abcdef-7', GETDATE() FROM "sluice_batch";

