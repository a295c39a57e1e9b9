-- What Redshift's catalog and system views show, over Postgres' catalog and our own logs.
-- Run again at every start, after the functions of the dialect; the logs keep their rows.

-- Logs: written by the warehouse itself, on a connection of its own --------------------------------

CREATE TABLE IF NOT EXISTS redshift.query_log (
    query_id bigint PRIMARY KEY,
    user_name text NOT NULL,
    transaction_id bigint NOT NULL,
    session_id integer NOT NULL,
    database_name text NOT NULL,
    query_type text NOT NULL,
    status text NOT NULL,
    start_time timestamp NOT NULL,
    end_time timestamp NOT NULL,
    elapsed_time bigint NOT NULL,
    error_message text NOT NULL,
    returned_rows bigint NOT NULL,
    returned_bytes bigint NOT NULL,
    query_text text NOT NULL,
    query_label text NOT NULL
);
CREATE TABLE IF NOT EXISTS redshift.load_log (
    query_id bigint PRIMARY KEY,
    user_name text NOT NULL,
    transaction_id bigint NOT NULL,
    session_id integer NOT NULL,
    database_name text NOT NULL,
    status text NOT NULL,
    table_name text NOT NULL,
    table_id bigint NOT NULL,
    start_time timestamp NOT NULL,
    end_time timestamp NOT NULL,
    data_source text NOT NULL,
    file_format text NOT NULL,
    loaded_rows bigint NOT NULL,
    loaded_bytes bigint NOT NULL,
    source_file_count integer NOT NULL,
    error_count integer NOT NULL
);
CREATE TABLE IF NOT EXISTS redshift.load_file_log (
    query_id bigint NOT NULL,
    user_name text NOT NULL,
    file_name text NOT NULL,
    bytes_scanned bigint NOT NULL,
    lines_scanned bigint NOT NULL,
    record_time timestamp NOT NULL
);
CREATE INDEX IF NOT EXISTS load_file_log_query ON redshift.load_file_log (query_id);
CREATE TABLE IF NOT EXISTS redshift.load_error_log (
    query_id bigint NOT NULL,
    user_name text NOT NULL,
    transaction_id bigint NOT NULL,
    session_id integer NOT NULL,
    database_name text NOT NULL,
    table_id bigint NOT NULL,
    start_time timestamp NOT NULL,
    file_name text NOT NULL,
    line_number bigint NOT NULL,
    column_name text NOT NULL,
    column_type text NOT NULL,
    column_length text NOT NULL,
    position integer NOT NULL,
    error_code integer NOT NULL,
    error_message text NOT NULL
);
CREATE INDEX IF NOT EXISTS load_error_log_query ON redshift.load_error_log (query_id);

-- Users see what they did themselves, superusers see all (Visibility of data in system views).
CREATE OR REPLACE FUNCTION redshift.may_see(name text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT name = current_user OR (SELECT usesuper FROM pg_user WHERE usename = current_user)
$$;
CREATE OR REPLACE FUNCTION redshift.user_id(name text) RETURNS integer LANGUAGE sql STABLE AS $$
    SELECT usesysid::integer FROM pg_user WHERE usename = name
$$;
CREATE OR REPLACE FUNCTION redshift.pg_last_copy_id() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('redshift.last_copy_id', true), '')::bigint, -1)
$$;
CREATE OR REPLACE FUNCTION redshift.pg_last_copy_count() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('redshift.last_copy_count', true), '')::bigint, 0)
$$;
CREATE OR REPLACE FUNCTION redshift.pg_last_query_id() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('redshift.last_query_id', true), '')::bigint, -1)
$$;

CREATE OR REPLACE VIEW redshift.sys_query_history AS
SELECT redshift.user_id(q.user_name) AS user_id, q.query_id, q.query_label::varchar(320),
    q.transaction_id, q.session_id, q.database_name::varchar(128), q.query_type::varchar(32),
    q.status::varchar(10), false AS result_cache_hit, q.start_time, q.end_time, q.elapsed_time,
    0::bigint AS queue_time, q.elapsed_time AS execution_time,
    q.error_message::varchar(512), q.returned_rows, q.returned_bytes,
    left(q.query_text, 4000)::varchar(4000) AS query_text, 'local'::varchar(256) AS redshift_version
FROM redshift.query_log q WHERE redshift.may_see(q.user_name);

CREATE OR REPLACE VIEW redshift.sys_load_history AS
SELECT redshift.user_id(l.user_name) AS user_id, l.query_id, l.transaction_id, l.session_id,
    l.database_name, l.status, l.table_name, l.start_time, l.end_time,
    (extract(epoch FROM l.end_time - l.start_time) * 1000000)::bigint AS duration,
    l.data_source, l.file_format, l.loaded_rows, l.loaded_bytes, l.source_file_count,
    l.loaded_bytes AS source_file_bytes, l.source_file_count AS file_count_scanned,
    l.loaded_bytes AS file_bytes_scanned, l.error_count, 0 AS copy_job_id
FROM redshift.load_log l WHERE redshift.may_see(l.user_name);

CREATE OR REPLACE VIEW redshift.sys_load_detail AS
SELECT redshift.user_id(f.user_name) AS user_id, f.query_id, f.file_name, f.bytes_scanned,
    f.lines_scanned, 1 AS splits_scanned, f.record_time, f.record_time AS start_time,
    f.record_time AS end_time
FROM redshift.load_file_log f WHERE redshift.may_see(f.user_name);

CREATE OR REPLACE VIEW redshift.sys_load_error_detail AS
SELECT redshift.user_id(e.user_name) AS user_id, e.query_id, e.transaction_id, e.session_id,
    e.database_name, e.table_id, e.start_time, e.file_name, e.line_number, e.column_name,
    e.column_type, e.column_length, e.position, e.error_code, e.error_message
FROM redshift.load_error_log e WHERE redshift.may_see(e.user_name);

-- Catalog ------------------------------------------------------------------------------------------

CREATE OR REPLACE VIEW redshift.relations AS
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner,
    redshift.logical_name(n.nspname) AS schema_name, redshift.logical_name(c.relname) AS table_name,
    CASE c.relkind WHEN 'r' THEN CASE c.relpersistence WHEN 't' THEN 'LOCAL TEMPORARY'
        ELSE 'BASE TABLE' END WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS table_type
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname NOT LIKE 'pg\_toast%'
    AND (n.nspname NOT LIKE 'pg\_temp%' OR pg_table_is_visible(c.oid))
    AND (has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES')
        OR pg_has_role(c.relowner, 'USAGE'));

CREATE OR REPLACE FUNCTION redshift.type_name(type oid, modifier integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE type WHEN 3802 THEN 'super' WHEN 17 THEN 'binary varying'
        WHEN 25 THEN 'character varying' ELSE format_type(type, NULL) END
$$;

CREATE OR REPLACE VIEW redshift.svv_columns AS
SELECT current_database()::varchar(128) AS table_catalog, r.schema_name::varchar(128) AS table_schema,
    r.table_name::varchar(128) AS table_name,
    redshift.logical_name(a.attname)::varchar(128) AS column_name,
    -- Redshift numbers columns without gaps
    row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum)::integer AS ordinal_position,
    pg_get_expr(d.adbin, d.adrelid)::varchar(4000) AS column_default,
    (CASE WHEN a.attnotnull THEN 'NO' ELSE 'YES' END)::varchar(3) AS is_nullable,
    redshift.type_name(a.atttypid, a.atttypmod)::varchar(128) AS data_type,
    CASE WHEN a.atttypid IN (1042, 1043) AND a.atttypmod > 4 THEN a.atttypmod - 4
        WHEN a.atttypid IN (25, 1043) THEN 65535 END AS character_maximum_length,
    CASE a.atttypid WHEN 1700 THEN CASE WHEN a.atttypmod > 4 THEN (a.atttypmod - 4) >> 16 & 65535
            ELSE 38 END
        WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53
        END AS numeric_precision,
    CASE a.atttypid WHEN 1700 THEN CASE WHEN a.atttypmod > 4 THEN (a.atttypmod - 4) & 2047
            ELSE 0 END WHEN 21 THEN 0 WHEN 23 THEN 0 WHEN 20 THEN 0 END AS numeric_scale,
    CASE WHEN a.atttypid IN (21, 23, 20, 700, 701) THEN 2 WHEN a.atttypid = 1700 THEN 10
        END AS numeric_precision_radix,
    CASE WHEN a.atttypid IN (1083, 1114, 1184, 1266) THEN 6 END AS datetime_precision,
    NULL::varchar(128) AS interval_type, NULL::varchar(128) AS interval_precision,
    NULL::varchar(128) AS character_set_catalog, NULL::varchar(128) AS character_set_schema,
    NULL::varchar(128) AS character_set_name, NULL::varchar(128) AS collation_catalog,
    NULL::varchar(128) AS collation_schema, NULL::varchar(128) AS collation_name,
    NULL::varchar(128) AS domain_name,
    col_description(a.attrelid, a.attnum)::varchar(4000) AS remarks
FROM redshift.relations r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE r.nspname NOT IN ('pg_catalog', 'information_schema', 'redshift');

CREATE OR REPLACE VIEW redshift.svv_all_columns AS
SELECT table_catalog AS database_name, table_schema AS schema_name, table_name, column_name,
    ordinal_position, column_default, is_nullable, data_type, character_maximum_length,
    numeric_precision, numeric_scale, remarks FROM redshift.svv_columns;
CREATE OR REPLACE VIEW redshift.svv_redshift_columns AS
SELECT c.database_name, c.schema_name, c.table_name, c.column_name, c.ordinal_position, c.data_type,
    c.column_default, c.is_nullable, c.character_maximum_length, c.numeric_precision,
    c.numeric_scale, c.remarks FROM redshift.svv_all_columns c;

CREATE OR REPLACE VIEW redshift.svv_tables AS
SELECT current_database()::varchar(128) AS table_catalog, r.schema_name::varchar(128) AS table_schema,
    r.table_name::varchar(128) AS table_name, r.table_type::varchar(128) AS table_type,
    obj_description(r.oid, 'pg_class')::varchar(4000) AS remarks
FROM redshift.relations r WHERE r.nspname NOT IN ('pg_catalog', 'information_schema', 'redshift');
CREATE OR REPLACE VIEW redshift.svv_all_tables AS
SELECT table_catalog AS database_name, table_schema AS schema_name, table_name,
    (CASE table_type WHEN 'BASE TABLE' THEN 'TABLE' ELSE table_type END)::varchar(128) AS table_type,
    remarks FROM redshift.svv_tables;
CREATE OR REPLACE VIEW redshift.svv_redshift_tables AS SELECT * FROM redshift.svv_all_tables;

CREATE OR REPLACE VIEW redshift.svv_all_schemas AS
SELECT current_database()::varchar(128) AS database_name,
    redshift.logical_name(n.nspname)::varchar(128) AS schema_name, n.nspowner::integer AS schema_owner,
    'local'::varchar(128) AS schema_type
FROM pg_namespace n
WHERE n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%' AND n.nspname <> 'redshift';
CREATE OR REPLACE VIEW redshift.svv_redshift_schemas AS SELECT * FROM redshift.svv_all_schemas;

-- Redshift lists here no empty table and nothing of others; rows are counted, for they are few here.
CREATE OR REPLACE FUNCTION redshift.row_count(relation oid) RETURNS numeric
LANGUAGE plpgsql STABLE AS $$
DECLARE
    found numeric;
BEGIN
    IF NOT has_table_privilege(relation, 'SELECT') THEN
        RETURN NULL;
    END IF;
    EXECUTE 'SELECT count(*) FROM ' || relation::regclass INTO found;
    RETURN found;
END
$$;
CREATE OR REPLACE VIEW redshift.svv_table_info AS
SELECT i.database, i.schema, i.table_id, i."table", i.encoded, i.diststyle, i.sortkey1,
    i.max_varchar, NULL::varchar(32) AS sortkey1_enc, 0 AS sortkey_num, i.size,
    NULL::numeric AS pct_used, 0::numeric AS empty, 0::numeric AS unsorted, 0::numeric AS stats_off,
    i.tbl_rows, NULL::numeric AS skew_sortkey1, NULL::numeric AS skew_rows,
    i.tbl_rows AS estimated_visible_rows, NULL::text AS risk_event,
    NULL::numeric AS vacuum_sort_benefit, NULL::timestamp AS create_time
FROM (
    SELECT current_database()::text AS database, r.schema_name AS schema, r.oid::integer AS table_id,
        r.table_name AS "table", 'Y, AUTO(ENCODE)'::text AS encoded, 'AUTO(ALL)'::text AS diststyle,
        'AUTO(SORTKEY)'::text AS sortkey1,
        (SELECT coalesce(max(a.atttypmod - 4), 0) FROM pg_attribute a
            WHERE a.attrelid = r.oid AND a.atttypid = 1043 AND NOT a.attisdropped) AS max_varchar,
        greatest(1, pg_table_size(r.oid) / 1048576) AS size, redshift.row_count(r.oid) AS tbl_rows
    FROM redshift.relations r
    WHERE r.relkind = 'r' AND r.nspname NOT IN ('pg_catalog', 'information_schema', 'redshift')
        AND r.table_type = 'BASE TABLE'
) i WHERE i.tbl_rows > 0;

-- Of the schemas in the search path only, as in Redshift.
CREATE OR REPLACE VIEW redshift.pg_table_def AS
SELECT r.schema_name::name AS schemaname, r.table_name::varchar(128) AS tablename,
    redshift.logical_name(a.attname)::varchar(128) AS "column",
    CASE WHEN a.atttypid IN (3802, 17, 25) THEN redshift.type_name(a.atttypid, a.atttypmod)
        ELSE format_type(a.atttypid, a.atttypmod) END AS type,
    'none'::varchar(32) AS encoding, false AS distkey, 0 AS sortkey, a.attnotnull AS "notnull"
FROM redshift.relations r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE r.relkind = 'r' AND r.nspname = ANY (current_schemas(false)) AND r.nspname <> 'redshift';

CREATE OR REPLACE VIEW redshift.svv_redshift_databases AS
SELECT datname::varchar(128) AS database_name, datdba::integer AS database_owner,
    'local'::varchar(32) AS database_type, NULL::varchar(128) AS database_acl,
    NULL::varchar(128) AS database_options,
    'Snapshot Isolation'::varchar(128) AS database_isolation_level
FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres';

-- OUT arguments are no part of a signature there; in Postgres they are, since version 14.
CREATE OR REPLACE VIEW redshift.pg_proc_info AS
SELECT p.oid AS prooid, redshift.logical_name(p.proname)::name AS proname, p.pronamespace,
    p.proowner, p.prokind, cardinality(i.types)::smallint AS pronargs,
    array_to_string(i.types, ' ')::oidvector AS proargtypes, p.proallargtypes, p.proargmodes,
    p.proargnames, p.prosecdef
FROM pg_proc p, LATERAL (
    SELECT ARRAY(
        SELECT a.type FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]))
            WITH ORDINALITY AS a(type, place)
        WHERE coalesce(p.proargmodes[a.place], 'i') <> 'o' ORDER BY a.place
    ) AS types
) i;

CREATE OR REPLACE VIEW redshift.svv_transactions AS
SELECT a.usename::text AS txn_owner, current_database()::text AS txn_db,
    coalesce(a.backend_xid::text::bigint, 0) AS xid, l.pid, a.xact_start AT TIME ZONE 'UTC' AS txn_start,
    l.mode::text AS lock_mode, 'relation'::text AS lockable_object_type, l.relation::integer AS relation,
    l.granted
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'relation';

GRANT SELECT ON redshift.sys_query_history, redshift.sys_load_history, redshift.sys_load_detail,
    redshift.sys_load_error_detail, redshift.relations, redshift.svv_columns, redshift.svv_all_columns, redshift.svv_redshift_columns,
    redshift.svv_tables, redshift.svv_all_tables, redshift.svv_redshift_tables,
    redshift.svv_all_schemas, redshift.svv_redshift_schemas, redshift.svv_table_info,
    redshift.pg_table_def, redshift.svv_redshift_databases, redshift.svv_transactions,
    redshift.pg_proc_info TO PUBLIC;
