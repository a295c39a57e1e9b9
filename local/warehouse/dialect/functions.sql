-- The functions Redshift has and Postgres lacks, or has with another meaning. Run again at will.
CREATE SCHEMA IF NOT EXISTS redshift;
GRANT USAGE ON SCHEMA redshift TO PUBLIC;

-- Names longer than Postgres allows ----------------------------------------------------------------

CREATE TABLE IF NOT EXISTS redshift.long_names (physical text PRIMARY KEY, logical text NOT NULL);
GRANT SELECT, INSERT ON redshift.long_names TO PUBLIC;

CREATE OR REPLACE FUNCTION redshift.logical_name(name text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN strpos($1, '~') = 0 THEN $1
        ELSE coalesce((SELECT n.logical FROM redshift.long_names n WHERE n.physical = $1), $1) END
$$;

-- Text in bytes ------------------------------------------------------------------------------------

-- The longest beginning of whole characters that has at most so many bytes.
CREATE OR REPLACE FUNCTION redshift.cut(value text, bytes integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    raw bytea := convert_to(value, 'UTF8');
    size integer := bytes;
BEGIN
    WHILE size > 0 AND (get_byte(raw, size) & 192) = 128 LOOP
        size := size - 1;
    END LOOP;
    RETURN convert_from(substring(raw FROM 1 FOR size), 'UTF8');
END
$$;

CREATE OR REPLACE FUNCTION redshift.fit(value text, bytes integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length($1) <= $2 THEN $1 ELSE redshift.cut($1, $2) END
$$;

-- What a cast takes that Redshift does not have for text, or for booleans: two functions of one
-- call, which Postgres refuses as not unique before it runs anything (see sql_errors.py).
CREATE OR REPLACE FUNCTION redshift.no_text(value anyelement) RETURNS anyelement
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1';
CREATE OR REPLACE FUNCTION redshift.no_boolean(value anyelement) RETURNS anyelement
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1';
DO $$
DECLARE
    kind text;
    other text;
BEGIN
    FOREACH other IN ARRAY ARRAY['integer', 'boolean'] LOOP
        FOREACH kind IN ARRAY ARRAY['text', 'varchar', 'bpchar'] LOOP
            EXECUTE format('CREATE OR REPLACE FUNCTION redshift.no_text(value %s, more %s'
                || ' DEFAULT NULL) RETURNS boolean LANGUAGE sql AS ''SELECT NULL::boolean''',
                kind, other);
        END LOOP;
        EXECUTE format('CREATE OR REPLACE FUNCTION redshift.no_boolean(value boolean, more %s'
            || ' DEFAULT NULL) RETURNS text LANGUAGE sql AS ''SELECT NULL::text''', other);
    END LOOP;
END
$$;

-- Makes the byte limits of a table agree with its columns: after CREATE TABLE AS, RENAME COLUMN
-- and ALTER COLUMN TYPE. A column of type text may hold as much as VARCHAR(MAX).
CREATE OR REPLACE PROCEDURE redshift.limit_bytes(target regclass)
LANGUAGE plpgsql AS $$
DECLARE
    item record;
BEGIN
    FOR item IN
        WITH wanted AS (
            SELECT a.attname, a.attnum,
                'redshift_bytes_' || w.bytes || '_'
                    || left(encode(sha256(convert_to(a.attname, 'UTF8')), 'hex'), 8) AS conname,
                w.bytes
            FROM pg_attribute a
            CROSS JOIN LATERAL (
                SELECT CASE
                    WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 4
                    THEN a.atttypmod - 4
                    WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype, 'text'::regtype)
                    THEN 65535 END AS bytes
            ) w
            WHERE a.attrelid = target AND a.attnum > 0 AND NOT a.attisdropped
                AND w.bytes IS NOT NULL
        ), present AS (
            SELECT c.conname, c.conkey[1] AS attnum FROM pg_constraint c
            WHERE c.conrelid = target AND c.contype = 'c' AND c.conname LIKE 'redshift\_bytes\_%'
        )
        SELECT p.conname AS surplus, w.conname AS missing, w.attname, w.bytes
        FROM wanted w FULL JOIN present p USING (attnum, conname)
        WHERE (w.conname IS NULL AND p.attnum IN (SELECT attnum FROM wanted)) OR p.conname IS NULL
        ORDER BY w.conname IS NOT NULL
    LOOP
        IF item.missing IS NULL THEN
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', target, item.surplus);
        ELSE
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (octet_length(%I) <= %s)',
                target, item.missing, item.attname, item.bytes);
        END IF;
    END LOOP;
END
$$;

CREATE OR REPLACE PROCEDURE redshift.resize_column(target regclass, name text, bytes integer)
LANGUAGE plpgsql AS $$
DECLARE
    attribute pg_attribute;
    longest integer;
BEGIN
    SELECT * INTO attribute FROM pg_attribute
    WHERE attrelid = target AND attname = name AND attnum > 0 AND NOT attisdropped;
    IF NOT FOUND THEN
        RAISE undefined_column USING MESSAGE =
            format('column "%s" of relation "%s" does not exist', name, target);
    END IF;
    IF attribute.atttypid <> 'varchar'::regtype THEN
        RAISE feature_not_supported USING MESSAGE =
            format('cannot alter type of column "%s": only VARCHAR can be resized', name);
    END IF;
    IF attribute.atthasdef THEN
        RAISE feature_not_supported USING MESSAGE =
            format('cannot alter type of column "%s" that has a default value', name);
    END IF;
    EXECUTE format('SELECT max(octet_length(%I)) FROM %s', name, target) INTO longest;
    IF longest > bytes THEN
        RAISE string_data_right_truncation USING MESSAGE =
            format('cannot shrink column "%s" to %s bytes: a value has %s', name, bytes, longest);
    END IF;
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I TYPE varchar(%s)', target, name, bytes);
    CALL redshift.limit_bytes(target);
END
$$;

-- A new procedure may be called by its owner only, until others are granted EXECUTE.
CREATE OR REPLACE PROCEDURE redshift.keep_private(identity text)
LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT proacl IS NULL FROM pg_proc WHERE oid = identity::regprocedure) THEN
        EXECUTE format('REVOKE ALL ON PROCEDURE %s FROM PUBLIC', identity);
    END IF;
END
$$;

CREATE OR REPLACE PROCEDURE redshift.require_table(target regclass)
LANGUAGE sql BEGIN ATOMIC END;

CREATE OR REPLACE FUNCTION redshift.len(value text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT length($1)';

CREATE OR REPLACE FUNCTION redshift.varbyte(value text) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT convert_to($1, 'UTF8') $$;
CREATE OR REPLACE FUNCTION redshift.varbyte(value bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1';

CREATE OR REPLACE FUNCTION redshift.sha2(value text, bits integer) RETURNS varchar
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT encode(CASE $2 WHEN 224 THEN sha224(convert_to($1, 'UTF8'))
        WHEN 256 THEN sha256(convert_to($1, 'UTF8')) WHEN 0 THEN sha256(convert_to($1, 'UTF8'))
        WHEN 384 THEN sha384(convert_to($1, 'UTF8'))
        WHEN 512 THEN sha512(convert_to($1, 'UTF8')) END, 'hex')
$$;

CREATE OR REPLACE FUNCTION redshift.strtol(value text, base integer) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    digits text := lower(trim(value));
    sign integer := 1;
    digit integer;
    total bigint := 0;
BEGIN
    IF digits LIKE '-%' THEN
        sign := -1;
        digits := substr(digits, 2);
    END IF;
    IF base = 16 AND digits LIKE '0x%' THEN
        digits := substr(digits, 3);
    END IF;
    IF digits = '' OR base NOT BETWEEN 2 AND 36 THEN
        RAISE invalid_text_representation USING MESSAGE =
            format('The input %s is not valid to be converted to base %s', value, base);
    END IF;
    FOR place IN 1..length(digits) LOOP
        digit := strpos('0123456789abcdefghijklmnopqrstuvwxyz', substr(digits, place, 1)) - 1;
        IF digit < 0 OR digit >= base THEN
            RAISE invalid_text_representation USING MESSAGE =
                format('The input %s is not valid to be converted to base %s', value, base);
        END IF;
        total := total * base + digit;
    END LOOP;
    RETURN sign * total;
END
$$;

-- Regular expressions: no match is an empty string, and every occurrence is replaced ----------------

CREATE OR REPLACE FUNCTION redshift.regexp_flags(parameters text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF parameters ~ '[^cie]' THEN
        RAISE feature_not_supported USING MESSAGE =
            format('regular expression parameters "%s" are not supported', parameters);
    END IF;
    RETURN CASE WHEN parameters LIKE '%i%' THEN 'i' ELSE 'c' END;
END
$$;

CREATE OR REPLACE FUNCTION redshift.regexp_substr(
    source text, pattern text, place integer DEFAULT 1, occurrence integer DEFAULT 1,
    parameters text DEFAULT 'c'
) RETURNS varchar
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT coalesce(regexp_substr(source, pattern, greatest(place, 1), occurrence,
        redshift.regexp_flags(parameters),
        CASE WHEN parameters LIKE '%e%' AND pattern LIKE '%(%' THEN 1 ELSE 0 END), '')
$$;

CREATE OR REPLACE FUNCTION redshift.regexp_replace(
    source text, pattern text, replacement text DEFAULT '', place integer DEFAULT 1,
    parameters text DEFAULT 'c'
) RETURNS varchar
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_replace(source, pattern,
        regexp_replace(replace(replacement, '$0', '\&'), '\$(\d)', '\\\1', 'g'), greatest(place, 1), 0, redshift.regexp_flags(parameters))
$$;

CREATE OR REPLACE FUNCTION redshift.regexp_count(
    source text, pattern text, place integer DEFAULT 1, parameters text DEFAULT 'c'
) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_count(source, pattern, greatest(place, 1), redshift.regexp_flags(parameters))
$$;

CREATE OR REPLACE FUNCTION redshift.regexp_instr(
    source text, pattern text, place integer DEFAULT 1, occurrence integer DEFAULT 1,
    option integer DEFAULT 0, parameters text DEFAULT 'c'
) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT regexp_instr(source, pattern, greatest(place, 1), occurrence, option,
        redshift.regexp_flags(parameters))
$$;

-- Dates: without a time zone, in UTC ----------------------------------------------------------------

CREATE OR REPLACE FUNCTION redshift.getdate() RETURNS timestamp
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT pg_catalog.date_trunc('second', statement_timestamp() AT TIME ZONE 'UTC')
$$;
CREATE OR REPLACE FUNCTION redshift.sysdate() RETURNS timestamp
LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT transaction_timestamp() AT TIME ZONE 'UTC' $$;

CREATE OR REPLACE FUNCTION redshift.dateadd(step interval, amount bigint, moment timestamp)
RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $3 + $2 * $1';
CREATE OR REPLACE FUNCTION redshift.dateadd(step interval, amount bigint, moment date)
RETURNS timestamp LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $3 + $2 * $1';
CREATE OR REPLACE FUNCTION redshift.dateadd(step interval, amount bigint, moment timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT $3 + $2 * $1';
CREATE OR REPLACE FUNCTION redshift.dateadd(step interval, amount bigint, moment time)
RETURNS time LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $3 + $2 * $1';

-- The number of boundaries between two moments; weeks begin on Sunday.
CREATE OR REPLACE FUNCTION redshift.datediff(part text, earlier timestamp, later timestamp)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE $1
        WHEN 'day' THEN ($3::date - $2::date)::bigint
        WHEN 'week' THEN (((($3::date - DATE '2000-01-02') + 700000) / 7)
            - ((($2::date - DATE '2000-01-02') + 700000) / 7))::bigint
        WHEN 'month' THEN ((extract(year FROM $3) - extract(year FROM $2)) * 12
            + extract(month FROM $3) - extract(month FROM $2))::bigint
        WHEN 'quarter' THEN ((extract(year FROM $3) - extract(year FROM $2)) * 4
            + extract(quarter FROM $3) - extract(quarter FROM $2))::bigint
        WHEN 'year' THEN (extract(year FROM $3) - extract(year FROM $2))::bigint
        WHEN 'decade' THEN (extract(decade FROM $3) - extract(decade FROM $2))::bigint
        WHEN 'century' THEN (extract(century FROM $3) - extract(century FROM $2))::bigint
        WHEN 'millennium' THEN (extract(millennium FROM $3) - extract(millennium FROM $2))::bigint
        ELSE trunc(extract(epoch FROM pg_catalog.date_trunc($1, $3) - pg_catalog.date_trunc($1, $2))
            * CASE $1 WHEN 'milliseconds' THEN 1000 WHEN 'microseconds' THEN 1000000 ELSE 1 END
            / CASE $1 WHEN 'hour' THEN 3600 WHEN 'minute' THEN 60 ELSE 1 END)::bigint
    END
$$;
CREATE OR REPLACE FUNCTION redshift.datediff(part text, earlier date, later date)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT redshift.datediff($1, $2::timestamp, $3::timestamp)';
CREATE OR REPLACE FUNCTION redshift.datediff(part text, earlier timestamptz, later timestamptz)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT redshift.datediff($1, $2 AT TIME ZONE 'UTC', $3 AT TIME ZONE 'UTC') $$;
CREATE OR REPLACE FUNCTION redshift.datediff(part text, earlier time, later time)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT redshift.datediff($1, DATE '2000-01-02' + $2, DATE '2000-01-02' + $3) $$;

-- Of a DATE the result is a TIMESTAMP; Postgres would add a time zone.
CREATE OR REPLACE FUNCTION redshift.date_trunc(part text, moment timestamp) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT pg_catalog.date_trunc($1, $2)';
CREATE OR REPLACE FUNCTION redshift.date_trunc(part text, moment date) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT pg_catalog.date_trunc($1, $2::timestamp)';
CREATE OR REPLACE FUNCTION redshift.date_trunc(part text, moment timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT pg_catalog.date_trunc($1, $2)';

CREATE OR REPLACE FUNCTION redshift.last_day(moment timestamp) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (pg_catalog.date_trunc('month', $1) + INTERVAL '1 month' - INTERVAL '1 day')::date
$$;

-- The last day of a month stays a last day.
CREATE OR REPLACE FUNCTION redshift.add_months(moment timestamp, amount bigint) RETURNS timestamp
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN $1::date = redshift.last_day($1)
        THEN redshift.last_day($1 + $2 * INTERVAL '1 month') + $1::time
        ELSE $1 + $2 * INTERVAL '1 month' END
$$;

CREATE OR REPLACE FUNCTION redshift.next_day(moment timestamp, day text) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT $1::date + 1 + ((strpos('sumotuwethfrsa', lower(left($2, 2))) - 1) / 2
        - extract(dow FROM $1)::integer + 6) % 7
$$;

CREATE OR REPLACE FUNCTION redshift.months_between(later timestamp, earlier timestamp)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT redshift.datediff('month', $2, $1)
        + CASE WHEN extract(day FROM $1) = extract(day FROM $2)
            OR ($1::date = redshift.last_day($1) AND $2::date = redshift.last_day($2)) THEN 0
        ELSE (extract(day FROM $1) - extract(day FROM $2)
            + extract(epoch FROM $1::time - $2::time) / 86400) / 31 END
$$;

CREATE OR REPLACE FUNCTION redshift.convert_timezone(target text, moment timestamp)
RETURNS timestamp LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT $2 AT TIME ZONE 'UTC' AT TIME ZONE $1 $$;
CREATE OR REPLACE FUNCTION redshift.convert_timezone(target text, moment timestamptz)
RETURNS timestamp LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT $2 AT TIME ZONE $1';
CREATE OR REPLACE FUNCTION redshift.convert_timezone(source text, target text, moment timestamp)
RETURNS timestamp LANGUAGE sql STABLE PARALLEL SAFE AS
    'SELECT $3 AT TIME ZONE $1 AT TIME ZONE $2';

-- Numbers ------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION redshift.trunc(moment timestamp) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1::date';
CREATE OR REPLACE FUNCTION redshift.trunc(value numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT pg_catalog.trunc($1)';
CREATE OR REPLACE FUNCTION redshift.trunc(value numeric, digits integer) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT pg_catalog.trunc($1, $2)';
CREATE OR REPLACE FUNCTION redshift.trunc(value double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT pg_catalog.trunc($1)';
CREATE OR REPLACE FUNCTION redshift.trunc(value double precision, digits integer)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT pg_catalog.trunc($1::numeric, $2)::double precision';
CREATE OR REPLACE FUNCTION redshift.round(value numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT pg_catalog.round($1)';
CREATE OR REPLACE FUNCTION redshift.round(value numeric, digits integer) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT pg_catalog.round($1, $2)';
CREATE OR REPLACE FUNCTION redshift.round(value double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT pg_catalog.round($1)';
CREATE OR REPLACE FUNCTION redshift.round(value double precision, digits integer)
RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT pg_catalog.round($1::numeric, $2)::double precision';

-- AVG of whole numbers is a whole number, of decimals a decimal of the same scale --------------------

CREATE OR REPLACE FUNCTION redshift.avg_whole(state bigint[]) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1[2] / nullif($1[1], 0)';
CREATE OR REPLACE AGGREGATE redshift.avg(smallint) (
    SFUNC = int2_avg_accum, STYPE = bigint[], INITCOND = '{0,0}', FINALFUNC = redshift.avg_whole);
CREATE OR REPLACE AGGREGATE redshift.avg(integer) (
    SFUNC = int4_avg_accum, STYPE = bigint[], INITCOND = '{0,0}', FINALFUNC = redshift.avg_whole);

CREATE OR REPLACE FUNCTION redshift.avg_add(state numeric[], value numeric) RETURNS numeric[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN $2 IS NULL THEN $1
        ELSE ARRAY[$1[1] + 1, $1[2] + $2, greatest($1[3], scale($2))] END
$$;
CREATE OR REPLACE FUNCTION redshift.avg_add(state numeric[], value bigint) RETURNS numeric[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT redshift.avg_add($1, $2::numeric)';
CREATE OR REPLACE FUNCTION redshift.avg_decimal(state numeric[]) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT pg_catalog.trunc($1[2] / nullif($1[1], 0), $1[3]::integer)';
CREATE OR REPLACE FUNCTION redshift.avg_bigint(state numeric[]) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT pg_catalog.trunc($1[2] / nullif($1[1], 0))::bigint';
CREATE OR REPLACE AGGREGATE redshift.avg(numeric) (
    SFUNC = redshift.avg_add, STYPE = numeric[], INITCOND = '{0,0,0}',
    FINALFUNC = redshift.avg_decimal);
CREATE OR REPLACE AGGREGATE redshift.avg(bigint) (
    SFUNC = redshift.avg_add, STYPE = numeric[], INITCOND = '{0,0,0}',
    FINALFUNC = redshift.avg_bigint);
CREATE OR REPLACE AGGREGATE redshift.avg(double precision) (
    SFUNC = float8_accum, STYPE = double precision[], INITCOND = '{0,0,0}',
    FINALFUNC = float8_avg);

-- Percentiles, also over windows: decimals of whole numbers and decimals, floats of floats -----------

CREATE OR REPLACE FUNCTION redshift.collect(state anyarray, fraction numeric, value anyelement)
RETURNS anyarray LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    -- the share is wanted at the end, where only the state arrives: it stays in front
    IF state = '{}' THEN
        state := array_append(state, fraction);
    END IF;
    IF value IS NOT NULL THEN
        state := array_append(state, value);
    END IF;
    RETURN state;
END
$$;
CREATE OR REPLACE FUNCTION redshift.between_ranks(state anyarray) RETURNS anyelement
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    WITH sorted AS (
        SELECT array_agg(v ORDER BY v) AS a, (count(*) - 1) * $1[1] AS rank FROM unnest($1[2:]) v
    )
    SELECT a[floor(rank)::integer + 1]
        + (a[ceil(rank)::integer + 1] - a[floor(rank)::integer + 1]) * (rank - floor(rank))
    FROM sorted
$$;
CREATE OR REPLACE AGGREGATE redshift.percentile_cont(numeric, numeric) (
    SFUNC = redshift.collect, STYPE = numeric[], INITCOND = '{}',
    FINALFUNC = redshift.between_ranks);
CREATE OR REPLACE FUNCTION redshift.collect_float(
    state double precision[], fraction numeric, value double precision
) RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF state = '{}' THEN
        state := array_append(state, fraction::double precision);
    END IF;
    IF value IS NOT NULL THEN
        state := array_append(state, value);
    END IF;
    RETURN state;
END
$$;
CREATE OR REPLACE AGGREGATE redshift.percentile_cont(numeric, double precision) (
    SFUNC = redshift.collect_float, STYPE = double precision[], INITCOND = '{}',
    FINALFUNC = redshift.between_ranks);
DO $$
DECLARE
    whole text;
BEGIN
    FOREACH whole IN ARRAY ARRAY['smallint', 'integer', 'bigint'] LOOP
        EXECUTE format(
            'CREATE OR REPLACE FUNCTION redshift.collect_whole('
            || 'state numeric[], fraction numeric, value %s) RETURNS numeric[]'
            || ' LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS '
            || '''BEGIN RETURN redshift.collect(state, fraction, value::numeric); END''', whole);
        EXECUTE format(
            'CREATE OR REPLACE AGGREGATE redshift.percentile_cont(numeric, %s) ('
            || 'SFUNC = redshift.collect_whole, STYPE = numeric[], INITCOND = ''{}'','
            || ' FINALFUNC = redshift.between_ranks)', whole);
    END LOOP;
END
$$;

-- FIRST_VALUE and LAST_VALUE ... IGNORE NULLS: strict, so NULLs never reach them ---------------------

CREATE OR REPLACE FUNCTION redshift.keep_first(kept anyelement, next anyelement) RETURNS anyelement
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE OR REPLACE FUNCTION redshift.keep_last(kept anyelement, next anyelement) RETURNS anyelement
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $2';
CREATE OR REPLACE AGGREGATE redshift.first_not_null(anyelement) (
    SFUNC = redshift.keep_first, STYPE = anyelement);
CREATE OR REPLACE AGGREGATE redshift.last_not_null(anyelement) (
    SFUNC = redshift.keep_last, STYPE = anyelement);

-- SUPER is jsonb -------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION redshift.json_parse(value text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1::jsonb';

CREATE OR REPLACE FUNCTION redshift.json_serialize(value jsonb) RETURNS varchar
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN CASE jsonb_typeof(value)
        WHEN 'object' THEN (SELECT '{' || coalesce(string_agg(
                to_jsonb(key)::text || ':' || redshift.json_serialize(item), ',' ORDER BY place), '')
            || '}' FROM jsonb_each(value) WITH ORDINALITY AS e(key, item, place))
        WHEN 'array' THEN (SELECT '[' || coalesce(string_agg(
                redshift.json_serialize(item), ',' ORDER BY place), '')
            || ']' FROM jsonb_array_elements(value) WITH ORDINALITY AS e(item, place))
        ELSE value::text END;
END
$$;

CREATE OR REPLACE FUNCTION redshift.is_valid_json(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    'SELECT pg_input_is_valid($1, ''jsonb'') AND ltrim($1, E'' \t\r\n'') LIKE ''{%''';
CREATE OR REPLACE FUNCTION redshift.is_valid_json_array(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
    'SELECT pg_input_is_valid($1, ''jsonb'') AND ltrim($1, E'' \t\r\n'') LIKE ''[%''';

-- Text that is no JSON: NULL if the caller says so, an error otherwise.
CREATE OR REPLACE FUNCTION redshift.parsed(value text, null_if_invalid boolean) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF null_if_invalid AND NOT pg_input_is_valid(value, 'jsonb') THEN
        RETURN NULL;
    END IF;
    RETURN value::jsonb;
END
$$;

DO $$
DECLARE
    head text;
    tail text;
BEGIN
    -- up to five path elements, and perhaps a BOOLEAN after them
    FOR depth IN 1..5 LOOP
        SELECT string_agg('p' || n || ' text', ', '), string_agg('p' || n, ', ')
        INTO head, tail FROM generate_series(1, depth) n;
        EXECUTE format('CREATE OR REPLACE FUNCTION redshift.json_extract_path_text('
            || 'value text, %s, null_if_invalid boolean DEFAULT false) RETURNS varchar '
            || 'LANGUAGE sql IMMUTABLE PARALLEL SAFE AS '
            || '''SELECT redshift.parsed(value, null_if_invalid) #>> ARRAY[%s]''', head, tail);
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION redshift.json_extract_array_element_text(
    value text, place integer, null_if_invalid boolean DEFAULT false
) RETURNS varchar
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN $2 >= 0 THEN redshift.parsed($1, $3) ->> $2 END
$$;
CREATE OR REPLACE FUNCTION redshift.json_array_length(
    value text, null_if_invalid boolean DEFAULT false
) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT jsonb_array_length(redshift.parsed($1, $2))';

CREATE OR REPLACE FUNCTION redshift.json_typeof(value jsonb) RETURNS varchar
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT jsonb_typeof($1)';
CREATE OR REPLACE FUNCTION redshift.is_array(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT jsonb_typeof($1) = 'array' $$;
CREATE OR REPLACE FUNCTION redshift.is_object(value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT jsonb_typeof($1) = 'object' $$;
CREATE OR REPLACE FUNCTION redshift.get_array_length(value jsonb) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN jsonb_typeof($1) = 'array' THEN jsonb_array_length($1) END $$;
CREATE OR REPLACE FUNCTION redshift.array_concat(first jsonb, second jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT $1 || $2';
CREATE OR REPLACE FUNCTION redshift.split_to_array(value text, separator text DEFAULT ',')
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    'SELECT to_jsonb(string_to_array($1, $2))';

CREATE OR REPLACE FUNCTION redshift.elements(value jsonb) RETURNS SETOF jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 10 AS $$
    SELECT e FROM jsonb_array_elements(CASE WHEN jsonb_typeof($1) <> 'null' THEN $1 END) e
$$;

-- Less than, equal to or greater than 0; NULL where the types differ or one is a JSON null.
CREATE OR REPLACE FUNCTION redshift.super_compare(a jsonb, b jsonb) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN jsonb_typeof($1) = jsonb_typeof($2) AND jsonb_typeof($1) <> 'null'
        THEN CASE WHEN $1 = $2 THEN 0
            WHEN jsonb_typeof($1) = 'string'
            THEN CASE WHEN $1 #>> '{}' < $2 #>> '{}' THEN -1 ELSE 1 END
            WHEN $1 < $2 THEN -1 ELSE 1 END
    END
$$;

CREATE OR REPLACE FUNCTION redshift.super_number(value jsonb) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN jsonb_typeof($1) = 'number' THEN $1::numeric END $$;

-- A SUPER string casts to its text, without the quotes of JSON.
CREATE OR REPLACE FUNCTION redshift.super_to_varchar(value jsonb) RETURNS varchar
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    IF jsonb_typeof(value) IN ('object', 'array') THEN
        RAISE cannot_coerce USING MESSAGE =
            format('cannot cast a SUPER %s to varchar; use JSON_SERIALIZE', jsonb_typeof(value));
    END IF;
    RETURN value #>> '{}';
END
$$;
DO $$
BEGIN
    CREATE CAST (jsonb AS varchar) WITH FUNCTION redshift.super_to_varchar(jsonb);
EXCEPTION WHEN duplicate_object THEN
    NULL;
END
$$;

-- The server ------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION redshift.version() RETURNS varchar
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT 'PostgreSQL 8.0.2 on x86_64, Redshift 1.0 (emulated on Postgres)'::varchar $$;
