-- name: find_stops
-- By part of the name: stations before their stops, names that begin with it first.
SELECT s.stop_id, s.name, s.parent_id, s.latitude, s.longitude, s.time_zone
FROM stops AS s
WHERE lower(s.name) LIKE '%' || $1 || '%' ESCAPE '\'
ORDER BY (lower(s.name) LIKE $1 || '%' ESCAPE '\') DESC, (s.parent_id IS NULL) DESC, lower(s.name), s.stop_id
LIMIT $2;

-- name: stops_by_id
SELECT s.stop_id, s.name, s.parent_id, s.latitude, s.longitude, s.time_zone
FROM stops AS s
WHERE s.stop_id = any($1::bigint[]);

-- name: stop_with_children
SELECT s.stop_id, s.time_zone
FROM stops AS s
WHERE s.stop_id = $1 OR s.parent_id = $1
ORDER BY s.stop_id <> $1;

-- name: search_from
-- Buses that board at one of $1 (and then set down at one of $2, if given) within [$3, $4), of operator $5 if given,
-- after the position ($6, $7), at most $8. Where a bus calls twice, the first call counts, as when it is sold.
WITH legs AS (
    SELECT DISTINCT ON (a.departs_at, a.bus_id)
        a.bus_id, a.idx AS from_idx, a.stop_id AS from_stop, a.departs_at,
        z.idx AS to_idx, z.stop_id AS to_stop, z.arrives_at
    FROM calls AS a
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
        AND a.departs_at >= $3 AND a.departs_at < $4
        AND (a.departs_at, a.bus_id) > ($6::timestamptz, $7::bigint)
        AND ($5::integer IS NULL OR a.operator_id = $5)
        -- A probe for each that is looked at: a join might go through all buses there are.
        AND (SELECT d.status FROM buses AS d WHERE d.bus_id = a.bus_id) <> 'DRAFT'
        AND NOT EXISTS (
            SELECT FROM bus_stops AS f
            WHERE f.bus_id = a.bus_id AND f.idx < a.idx AND f.stop_id = any($1::bigint[]) AND f.can_board
        )
    ORDER BY a.departs_at, a.bus_id, a.idx
    LIMIT $8
)

SELECT
    l.bus_id, l.from_idx, l.to_idx, l.from_stop, l.to_stop, l.departs_at, l.arrives_at,
    b.name, b.operator_id, o.name AS operator, b.route_id, r.name AS route, b.currency, b.total_seats,
    b.sales_close_seconds,
    CASE WHEN o.disabled_at IS NULL OR b.status <> 'SCHEDULED' THEN b.status ELSE 'CLOSED' END AS status,
    coalesce(
        (SELECT f.amount FROM leg_fares AS f WHERE (f.bus_id, f.from_idx, f.to_idx) = (l.bus_id, l.from_idx, l.to_idx)),
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
    SELECT count(*) AS seats
    FROM seats AS s
    WHERE
        s.bus_id = l.bus_id
        AND substr(s.states, l.from_idx + 1, l.to_idx - l.from_idx) = repeat('A', l.to_idx - l.from_idx)
) AS free ON true
ORDER BY l.departs_at, l.bus_id;

-- name: search_all
-- The same from each bus's first stop: $1 is where it sets down, if given; the rest as above from $2 on.
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
        b.departs_at >= $2 AND b.departs_at < $3
        AND (b.departs_at, b.bus_id) > ($5::timestamptz, $6::bigint)
        AND ($4::integer IS NULL OR b.operator_id = $4)
        AND b.status <> 'DRAFT'
    ORDER BY b.departs_at, b.bus_id
    LIMIT $7
)

SELECT
    l.bus_id, l.from_idx, l.to_idx, l.from_stop, l.to_stop, l.departs_at, l.arrives_at,
    b.name, b.operator_id, o.name AS operator, b.route_id, r.name AS route, b.currency, b.total_seats,
    b.sales_close_seconds,
    CASE WHEN o.disabled_at IS NULL OR b.status <> 'SCHEDULED' THEN b.status ELSE 'CLOSED' END AS status,
    coalesce(
        (SELECT f.amount FROM leg_fares AS f WHERE (f.bus_id, f.from_idx, f.to_idx) = (l.bus_id, l.from_idx, l.to_idx)),
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
    SELECT count(*) AS seats
    FROM seats AS s
    WHERE
        s.bus_id = l.bus_id
        AND substr(s.states, l.from_idx + 1, l.to_idx - l.from_idx) = repeat('A', l.to_idx - l.from_idx)
) AS free ON true
ORDER BY l.departs_at, l.bus_id;

-- name: bus_card
-- $1 bus, $2 whether it may be a draft.
SELECT
    b.bus_id, b.name, b.operator_id, o.name AS operator, b.route_id, r.name AS route, b.currency,
    CASE WHEN o.disabled_at IS NULL OR b.status <> 'SCHEDULED' THEN b.status ELSE 'CLOSED' END AS status,
    b.departs_at, b.arrives_at, b.total_seats, b.sales_close_seconds, b.epoch, b.rev, b.facts,
    o.seats_per_buyer, o.seats_per_address, o.seats_per_staff, o.holds_per_buyer, o.holds_per_staff,
    o.cooldown_seconds, o.extension_seconds, o.hold_seconds_max, clock_timestamp() AS now,
    (
        SELECT count(*) FROM seats AS s WHERE s.bus_id = b.bus_id AND translate(s.states, 'A', '') = ''
    ) AS seats_available
FROM buses AS b
INNER JOIN operators AS o ON o.operator_id = b.operator_id
LEFT JOIN routes AS r ON r.route_id = b.route_id
WHERE b.bus_id = $1 AND (b.status <> 'DRAFT' OR $2::boolean);

-- name: find_operator
SELECT o.operator_id, o.name, o.time_zone FROM operators AS o WHERE o.operator_id = $1;

-- name: list_operators
SELECT o.operator_id, o.name, o.time_zone, o.currency FROM operators AS o ORDER BY lower(o.name);
