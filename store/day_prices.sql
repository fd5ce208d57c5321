-- name: price_days
-- What days cost: buses that board at one of $1 (and then set down at one of $2, if given) within [$3, $4), of operator
-- $5 if given, at most $6 of them, by the day in time zone $7. Only those count that can be booked, seats and all.
-- `cheapest` is fare times percent, to be rounded once, as the price of a seat is.
WITH legs AS (
    SELECT a.bus_id, a.idx AS from_idx, z.idx AS to_idx, a.departs_at
    FROM calls AS a
    INNER JOIN LATERAL (
        SELECT z.idx
        FROM bus_stops AS z
        WHERE
            z.bus_id = a.bus_id AND z.idx > a.idx AND z.can_alight
            AND ($2::bigint[] IS NULL OR z.stop_id = any($2::bigint[]))
        ORDER BY CASE WHEN $2::bigint[] IS NULL THEN -z.idx ELSE z.idx END
        LIMIT 1
    ) AS z ON true
    WHERE
        a.stop_id = any($1::bigint[]) AND a.can_board
        AND a.departs_at >= $3 AND a.departs_at < $4
        AND ($5::integer IS NULL OR a.operator_id = $5)
        -- A probe for each: an anti join would go through all calls there ever were at the stop.
        AND a.idx = (
            SELECT min(f.idx) FROM bus_stops AS f
            WHERE f.bus_id = a.bus_id AND f.stop_id = any($1::bigint[]) AND f.can_board
        )
    ORDER BY a.departs_at
    LIMIT $6
),

offers AS (
    SELECT
        (l.departs_at AT TIME ZONE $7::text)::date AS day, b.currency, b.layout_id,
        coalesce(
            (
                SELECT f.amount FROM leg_fares AS f
                WHERE f.bus_id = b.bus_id AND f.from_idx = l.from_idx AND f.to_idx = l.to_idx
            ),
            (SELECT sum(each) FROM unnest(b.fares[l.from_idx + 1:l.to_idx]) AS each)
        ) AS fare
    FROM legs AS l
    INNER JOIN buses AS b ON b.bus_id = l.bus_id
    INNER JOIN operators AS o ON o.operator_id = b.operator_id
    WHERE
        b.status = 'SCHEDULED' AND o.disabled_at IS NULL
        AND l.departs_at - make_interval(secs => b.sales_close_seconds) > clock_timestamp()
        AND EXISTS (
            SELECT FROM seats AS s
            WHERE
                s.bus_id = b.bus_id
                AND substr(s.states, l.from_idx + 1, l.to_idx - l.from_idx) = repeat('A', l.to_idx - l.from_idx)
        )
),

-- What seats add to a fare is the layout's business, and there are few layouts.
kinds AS (
    SELECT f.day, f.currency, f.layout_id, count(*) AS buses, min(f.fare) AS fare
    FROM offers AS f
    GROUP BY f.day, f.currency, f.layout_id
),

days AS (
    SELECT
        k.day, k.currency, sum(k.buses) AS buses,
        min(k.fare * (SELECT min(p.price_percent) FROM layout_seats AS p WHERE p.layout_id = k.layout_id)) AS cheapest
    FROM kinds AS k
    GROUP BY k.day, k.currency
)

-- Amounts of two currencies cannot be compared: a day is priced in the one that most of its buses have.
SELECT DISTINCT ON (d.day) d.day, d.currency, sum(d.buses) OVER (PARTITION BY d.day) AS buses, d.cheapest
FROM days AS d
ORDER BY d.day, d.buses DESC, d.currency;
