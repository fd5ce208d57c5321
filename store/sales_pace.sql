-- name: take_time
SET LOCAL statement_timeout = '5s';

-- name: pace
-- What was paid for on the day that was $2 days ago, of operators $1 (NULL: all), a quarter of an hour a line, each by
-- the operator's own clock; and how much of it by this time of the day. A booking may wait an hour for its money at
-- most: the bounds on what was made are those of the day, as far as an index needs them.
WITH days AS MATERIALIZED (
    SELECT
        o.operator_id, o.time_zone, o.currency::text AS currency,
        date_trunc('day', now() AT TIME ZONE o.time_zone) - make_interval(days => $2::integer) AS midnight,
        (now() AT TIME ZONE o.time_zone) - make_interval(days => $2::integer) AS this_time
    FROM operators AS o
    WHERE $1::integer IS NULL OR o.operator_id = $1::integer
),

paid AS (
    SELECT
        d.currency, cardinality(k.seats) AS seats, (SELECT sum(price) FROM unnest(k.prices) AS price) AS amount,
        (k.confirmed_at AT TIME ZONE d.time_zone) <= d.this_time AS is_by_now,
        floor(extract(EPOCH FROM (k.confirmed_at AT TIME ZONE d.time_zone) - d.midnight) / 900)::integer * 15 AS minute
    FROM days AS d
    INNER JOIN bookings AS k ON k.operator_id = d.operator_id
    WHERE
        k.created_at > now() - make_interval(days => $2::integer + 1, hours => 1)
        AND k.created_at < now() - make_interval(days => $2::integer - 1)
        AND k.confirmed_at >= d.midnight AT TIME ZONE d.time_zone
        AND k.confirmed_at < (d.midnight + interval '1 day') AT TIME ZONE d.time_zone
)

SELECT
    p.minute, p.currency, count(*) AS bookings, sum(p.seats) AS seats, sum(p.amount) AS amount,
    count(*) FILTER (WHERE p.is_by_now) AS bookings_by_now,
    coalesce(sum(p.seats) FILTER (WHERE p.is_by_now), 0) AS seats_by_now,
    coalesce(sum(p.amount) FILTER (WHERE p.is_by_now), 0) AS amount_by_now
FROM paid AS p
GROUP BY p.minute, p.currency
ORDER BY p.minute, p.currency;

-- name: conflicts
-- How many requests found a seat taken on the day that was $2 days ago, of operators $1 (NULL: all), in the same lines.
-- Refusals are kept with their idempotency keys at first, and then counted by the minute (retention.sql).
WITH days AS MATERIALIZED (
    SELECT
        o.operator_id, o.time_zone,
        date_trunc('day', now() AT TIME ZONE o.time_zone) - make_interval(days => $2::integer) AS midnight,
        (now() AT TIME ZONE o.time_zone) - make_interval(days => $2::integer) AS this_time
    FROM operators AS o
    WHERE $1::integer IS NULL OR o.operator_id = $1::integer
),

kept AS MATERIALIZED (
    SELECT
        (k.created_at AT TIME ZONE d.time_zone) <= d.this_time AS is_by_now,
        floor(extract(EPOCH FROM (k.created_at AT TIME ZONE d.time_zone) - d.midnight) / 900)::integer * 15 AS quarter,
        count(*) AS conflicts
    FROM days AS d
    INNER JOIN idempotency_keys AS k ON k.operator_id = d.operator_id
    WHERE
        k.created_at > now() - make_interval(days => $2::integer + 1, hours => 1)
        AND k.created_at < now() - make_interval(days => $2::integer - 1)
        AND k.created_at >= d.midnight AT TIME ZONE d.time_zone
        AND k.created_at < (d.midnight + interval '1 day') AT TIME ZONE d.time_zone
        AND k.status = 409 AND position('"seat_unavailable"'::bytea IN k.response) > 0
    GROUP BY is_by_now, quarter
),

counted AS MATERIALIZED (
    SELECT
        (c.minute AT TIME ZONE d.time_zone) <= d.this_time AS is_by_now,
        floor(extract(EPOCH FROM (c.minute AT TIME ZONE d.time_zone) - d.midnight) / 900)::integer * 15 AS quarter,
        sum(c.conflicts) AS conflicts
    FROM days AS d
    INNER JOIN conflict_counts AS c ON c.operator_id = d.operator_id
    WHERE
        c.minute >= d.midnight AT TIME ZONE d.time_zone
        AND c.minute < (d.midnight + interval '1 day') AT TIME ZONE d.time_zone
    GROUP BY is_by_now, quarter
)

SELECT
    t.quarter AS minute, sum(t.conflicts) AS conflicts,
    coalesce(sum(t.conflicts) FILTER (WHERE t.is_by_now), 0) AS conflicts_by_now
FROM (
    SELECT * FROM kept
    UNION ALL
    SELECT * FROM counted
) AS t
GROUP BY t.quarter
ORDER BY t.quarter;

-- name: held
-- What is held at this moment, of operators $1 (NULL: all).
SELECT count(*) AS holds, coalesce(sum(cardinality(h.seats)), 0) AS seats
FROM holds AS h
WHERE h.state = 'ACTIVE' AND h.expires_at > now() AND ($1::integer IS NULL OR h.operator_id = $1::integer);
