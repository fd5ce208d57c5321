-- name: search_from
-- In one piece: a part with a limit of its own cannot depend on what came to this server from the others. So each of
-- them sorts all that boards at these stops before $3.
WITH legs AS (
    SELECT DISTINCT ON (a.departs_at, a.bus_id)
        a.bus_id, a.idx AS from_idx, a.stop_id AS from_stop, a.departs_at,
        z.idx AS to_idx, z.stop_id AS to_stop, z.arrives_at
    FROM bus_stops AS a
    INNER JOIN LATERAL (
        SELECT z.idx, z.stop_id, z.arrives_at
        FROM bus_stops AS z
        WHERE
            z.bus_id = a.bus_id AND z.idx > a.idx AND z.can_alight
            AND ($2::bigint[] IS NULL OR z.stop_id = any($2::bigint[]))
        ORDER BY CASE WHEN $2::bigint[] IS NULL THEN -z.idx ELSE z.idx END
        LIMIT 1
    ) AS z ON true
    WHERE
        a.stop_id = any($1::bigint[]) AND a.can_board
        AND (a.departs_at, a.bus_id) > ($5::timestamptz, $6::bigint) AND a.departs_at < $3
        AND ($4::integer IS NULL OR a.operator_id = $4)
        -- A probe for each that is looked at: a join might go through all buses there are.
        AND (SELECT d.status FROM buses AS d WHERE d.bus_id = a.bus_id) <> 'DRAFT'
        AND NOT EXISTS (
            SELECT FROM bus_stops AS f
            WHERE f.bus_id = a.bus_id AND f.idx < a.idx AND f.stop_id = any($1::bigint[]) AND f.can_board
        )
    ORDER BY a.departs_at, a.bus_id, a.idx
    LIMIT $7
)

SELECT
    l.bus_id, l.from_idx, l.to_idx, l.from_stop, l.to_stop, l.departs_at, l.arrives_at,
    b.name, b.operator_id, o.name AS operator, b.route_id, r.name AS route, b.currency, b.total_seats,
    b.sales_close_seconds,
    CASE WHEN o.disabled_at IS NULL OR b.status <> 'SCHEDULED' THEN b.status ELSE 'CLOSED' END AS status,
    coalesce(
        (
            SELECT f.amount FROM leg_fares AS f
            WHERE f.bus_id = b.bus_id AND f.from_idx = l.from_idx AND f.to_idx = l.to_idx
        ),
        (SELECT sum(fare) FROM unnest(b.fares[l.from_idx + 1:l.to_idx]) AS fare)
    ) AS fare,
    (SELECT min(place.price_percent) FROM layout_seats AS place WHERE place.layout_id = b.layout_id) AS percent,
    (
        SELECT array_agg(DISTINCT place.seat_class) FROM layout_seats AS place WHERE place.layout_id = b.layout_id
    ) AS seat_classes,
    free.seats AS seats_available,
    clock_timestamp() AS now
FROM legs AS l
INNER JOIN buses AS b ON b.bus_id = l.bus_id
INNER JOIN operators AS o ON o.operator_id = b.operator_id
LEFT JOIN routes AS r ON r.route_id = b.route_id
INNER JOIN LATERAL (
    SELECT
        count(*) FILTER (
            WHERE substr(s.states, l.from_idx + 1, l.to_idx - l.from_idx) = repeat('A', l.to_idx - l.from_idx)
        ) AS seats
    FROM seats AS s
    WHERE s.bus_id = b.bus_id
    GROUP BY s.bus_id
) AS free ON true
ORDER BY l.departs_at, l.bus_id;

-- name: search_all
-- By time, whoever is asked for. Fares and seats are those of a bus named by its table, not by what is known of it.
WITH legs AS (
    SELECT
        b.bus_id, 0::smallint AS from_idx, a.stop_id AS from_stop, b.departs_at,
        z.idx AS to_idx, z.stop_id AS to_stop, z.arrives_at
    FROM buses AS b
    INNER JOIN bus_stops AS a ON a.bus_id = b.bus_id AND a.idx = 0
    INNER JOIN LATERAL (
        SELECT z.idx, z.stop_id, z.arrives_at
        FROM bus_stops AS z
        WHERE
            z.bus_id = b.bus_id AND z.idx > 0 AND z.can_alight
            AND ($1::bigint[] IS NULL OR z.stop_id = any($1::bigint[]))
        ORDER BY CASE WHEN $1::bigint[] IS NULL THEN -z.idx ELSE z.idx END
        LIMIT 1
    ) AS z ON true
    WHERE
        b.departs_at >= $4 AND b.departs_at < $2 AND (b.departs_at, b.bus_id) > ($4::timestamptz, $5::bigint)
        AND ($3::integer IS NULL OR b.operator_id = $3)
        AND b.status <> 'DRAFT'
    ORDER BY b.departs_at, b.bus_id
    LIMIT $6
)

SELECT
    l.bus_id, l.from_idx, l.to_idx, l.from_stop, l.to_stop, l.departs_at, l.arrives_at,
    b.name, b.operator_id, o.name AS operator, b.route_id, r.name AS route, b.currency, b.total_seats,
    b.sales_close_seconds,
    CASE WHEN o.disabled_at IS NULL OR b.status <> 'SCHEDULED' THEN b.status ELSE 'CLOSED' END AS status,
    coalesce(
        (
            SELECT f.amount FROM leg_fares AS f
            WHERE f.bus_id = b.bus_id AND f.from_idx = l.from_idx AND f.to_idx = l.to_idx
        ),
        (SELECT sum(fare) FROM unnest(b.fares[l.from_idx + 1:l.to_idx]) AS fare)
    ) AS fare,
    (SELECT min(place.price_percent) FROM layout_seats AS place WHERE place.layout_id = b.layout_id) AS percent,
    (
        SELECT array_agg(DISTINCT place.seat_class) FROM layout_seats AS place WHERE place.layout_id = b.layout_id
    ) AS seat_classes,
    free.seats AS seats_available,
    clock_timestamp() AS now
FROM legs AS l
INNER JOIN buses AS b ON b.bus_id = l.bus_id
INNER JOIN operators AS o ON o.operator_id = b.operator_id
LEFT JOIN routes AS r ON r.route_id = b.route_id
INNER JOIN LATERAL (
    SELECT
        count(*) FILTER (
            WHERE substr(s.states, l.from_idx + 1, l.to_idx - l.from_idx) = repeat('A', l.to_idx - l.from_idx)
        ) AS seats
    FROM seats AS s
    WHERE s.bus_id = b.bus_id
    GROUP BY s.bus_id
) AS free ON true
ORDER BY l.departs_at, l.bus_id;

-- name: count_calls
SELECT count(*) AS calls
FROM (SELECT a.bus_id FROM calls AS a WHERE a.stop_id = any($1::bigint[]) AND a.departs_at >= $2 LIMIT $3) AS a;
