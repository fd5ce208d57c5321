-- name: find_months
-- What searches look through, in order of time; last what lies in no month.
SELECT
    CASE WHEN c.relname ~ '^calls_\d{4}_\d{2}$' THEN to_date(c.relname, '"calls_"YYYY_MM') END AS begins_on,
    pg_stat_get_live_tuples(c.oid) AS calls,
    pg_total_relation_size(c.oid) AS bytes
FROM pg_inherits AS i
INNER JOIN pg_class AS c ON c.oid = i.inhrelid
WHERE i.inhparent = 'calls'::regclass
ORDER BY begins_on NULLS LAST;

-- name: find_wanted
-- $1 months ahead of this one are to be there, and of those that are over $2.
SELECT
    array(
        SELECT (m.this_month + n.ahead * interval '1 month')::date
        FROM generate_series(0, $1::integer) AS n (ahead)
        ORDER BY n.ahead
    ) AS wanted,
    (m.this_month - make_interval(months => $2::integer))::date AS kept_from
FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') AS this_month) AS m;

-- name: take_time
-- Rows that lie in no month yet are moved to theirs.
SET LOCAL statement_timeout = '60s';

-- name: open
SELECT open_month($1::date) AS moved;

-- name: forget
SELECT forget_months($1::date) AS forgotten;
