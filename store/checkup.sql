-- name: examine
SELECT
    current_setting('server_version_num')::integer AS version_number,
    current_setting('server_version') AS version,
    pg_is_in_recovery() AS is_standby,
    current_setting('fsync') = 'on' AS has_fsync,
    current_setting('full_page_writes') = 'on' AS has_full_pages,
    current_setting('synchronous_commit') AS synchronous_commit,
    current_setting('max_connections')::integer AS connections_max,
    clock_timestamp() AS now;

-- name: last_checks
SELECT
    coalesce(array_agg(c.name ORDER BY c.name) FILTER (WHERE c.violations > 0), '{}') AS broken,
    clock_timestamp() - max(c.checked_at) AS checked_ago
FROM invariant_checks AS c;

-- name: may_become
-- Which of the roles $1 we may not become, or are not there.
SELECT w.name FROM unnest($1::text[]) AS w (name)
WHERE NOT EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = w.name AND pg_has_role(r.oid, 'MEMBER'));

-- name: months_ahead
SELECT count(*)
FROM pg_inherits AS i
INNER JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE
    i.inhparent = 'calls'::regclass AND c.relname ~ '^calls_\d{4}_\d{2}$'
    AND to_date(c.relname, '"calls_"YYYY_MM') > now() AT TIME ZONE 'UTC';
