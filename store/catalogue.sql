-- name: find_stops
-- By parts of the name, all words of $1 in any order: names that begin with it first, then those of which a word does,
-- then the others; stations before their stops.
WITH asked AS MATERIALIZED (
    SELECT folded($1::text) AS whole, string_to_array(folded($1::text), ' ') AS words
)

SELECT s.stop_id, s.name, s.parent_id, s.latitude, s.longitude, s.time_zone
FROM stops AS s
CROSS JOIN asked AS a
WHERE
    strpos(s.folded, coalesce(a.words[1], '')) > 0
    AND (
        cardinality(a.words) < 2
        OR NOT EXISTS (SELECT FROM unnest(a.words) AS w (word) WHERE strpos(s.folded, w.word) = 0)
    )
ORDER BY
    starts_with(s.folded, a.whole) DESC,
    strpos(translate(' ' || s.folded, '-/(.,', '     '), ' ' || a.whole) > 0 DESC,
    s.parent_id IS NULL DESC, s.folded ASC, s.stop_id ASC
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
-- Buses that board at one of $1 (and then set down at one of $2, if given) before $3, of operator $4 if given, after
-- the position ($5, $6), at most $7. Where a bus calls twice, the first call counts, as when it is sold. Each stop's
-- departures are read in order of time, no more of them than a page has.
WITH legs AS (
    SELECT leg.*
    FROM stops AS place
    INNER JOIN LATERAL (
        SELECT
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
            a.stop_id = place.stop_id AND a.can_board
            -- Which months are looked at is told by the time alone. Both bounds from below are of one moment: of two
            -- that are not, the index begins with the first, which may be years before the other.
            AND a.departs_at >= $5 AND (a.departs_at, a.bus_id) > ($5::timestamptz, $6::bigint) AND a.departs_at < $3
            AND ($4::integer IS NULL OR a.operator_id = $4)
            -- A probe for each that is looked at: a join might go through all buses there are.
            AND (SELECT d.status FROM buses AS d WHERE d.bus_id = a.bus_id) <> 'DRAFT'
            AND a.idx = (
                SELECT min(f.idx) FROM bus_stops AS f
                WHERE f.bus_id = a.bus_id AND f.stop_id = any($1::bigint[]) AND f.can_board
            )
        ORDER BY a.departs_at, a.bus_id
        LIMIT $7
    ) AS leg ON true
    WHERE place.stop_id = any($1::bigint[])
    ORDER BY leg.departs_at, leg.bus_id
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
-- Looked up for each of a page, however many rows of each table the planner believes that a page has.
INNER JOIN LATERAL (SELECT b.* FROM buses AS b WHERE b.bus_id = l.bus_id LIMIT 1) AS b ON true
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
-- The same from each bus's first stop: $1 is where it sets down, if given; the rest as above from $2 on. Of the three
-- ways to a page that which the question names is taken: by time, by an operator's time, by the stop. Who leaves in
-- time and rides for 20 hours at most calls there within a day, or stands there for more than four hours; others are
-- found by when they leave. A question about more than forty days reads all that still calls there: whoever asks knows
-- that it is little.
WITH page AS (
    (
        SELECT b.bus_id, b.departs_at
        FROM buses AS b
        WHERE
            $1::bigint[] IS NULL AND $3::integer IS NULL
            AND b.departs_at >= $4 AND b.departs_at < $2 AND (b.departs_at, b.bus_id) > ($4::timestamptz, $5::bigint)
            AND b.status <> 'DRAFT'
            AND (SELECT max(z.idx) FROM bus_stops AS z WHERE z.bus_id = b.bus_id AND z.can_alight) > 0
        ORDER BY b.departs_at, b.bus_id
        LIMIT $6
    )
    UNION ALL
    (
        SELECT b.bus_id, b.departs_at
        FROM buses AS b
        WHERE
            $1::bigint[] IS NULL AND $3::integer IS NOT NULL AND b.operator_id = $3
            AND b.departs_at >= $4 AND b.departs_at < $2 AND (b.departs_at, b.bus_id) > ($4::timestamptz, $5::bigint)
            AND b.status <> 'DRAFT'
            AND (SELECT max(z.idx) FROM bus_stops AS z WHERE z.bus_id = b.bus_id AND z.can_alight) > 0
        ORDER BY b.departs_at, b.bus_id
        LIMIT $6
    )
    UNION ALL
    (
        SELECT found.bus_id, found.departs_at
        FROM (
            SELECT b.bus_id, b.departs_at
            FROM calls AS z
            INNER JOIN LATERAL (
                SELECT b.bus_id, b.departs_at FROM buses AS b
                WHERE b.bus_id = z.bus_id AND b.status <> 'DRAFT'
                LIMIT 1
            ) AS b ON true
            WHERE
                z.stop_id = any($1::bigint[]) AND z.idx > 0 AND z.can_alight
                -- No bus is anywhere before it leaves.
                AND z.departs_at >= $4 AND ($3::integer IS NULL OR z.operator_id = $3)
                AND z.departs_at < CASE
                    WHEN $2::timestamptz - $4::timestamptz > interval '40 days' THEN 'infinity'
                    ELSE $2 + interval '24 hours'
                END
            UNION
            SELECT b.bus_id, b.departs_at
            FROM bus_stops AS z
            INNER JOIN LATERAL (
                SELECT b.bus_id, b.departs_at FROM buses AS b
                WHERE b.bus_id = z.bus_id AND b.status <> 'DRAFT'
                LIMIT 1
            ) AS b ON true
            WHERE
                z.stop_id = any($1::bigint[]) AND z.idx > 0 AND z.can_alight
                AND z.departs_at - z.arrives_at > interval '4 hours'
                AND z.arrives_at >= $4 AND z.arrives_at < $2 + interval '24 hours'
                AND ($3::integer IS NULL OR z.operator_id = $3)
            UNION
            SELECT b.bus_id, b.departs_at
            FROM buses AS b
            WHERE
                $1::bigint[] IS NOT NULL AND $2::timestamptz - $4::timestamptz <= interval '40 days'
                AND b.arrives_at - b.departs_at > interval '20 hours'
                AND b.departs_at >= $4 AND b.departs_at < $2 AND b.status <> 'DRAFT'
                AND ($3::integer IS NULL OR b.operator_id = $3)
                AND EXISTS (
                    SELECT FROM bus_stops AS z
                    WHERE z.bus_id = b.bus_id AND z.stop_id = any($1::bigint[]) AND z.idx > 0 AND z.can_alight
                    OFFSET 0
                )
        ) AS found
        WHERE (found.departs_at, found.bus_id) > ($4::timestamptz, $5::bigint) AND found.departs_at < $2
        ORDER BY found.departs_at, found.bus_id
        LIMIT $6
    )
),

legs AS (
    SELECT
        p.bus_id, 0::smallint AS from_idx, a.stop_id AS from_stop, p.departs_at,
        z.idx AS to_idx, z.stop_id AS to_stop, z.arrives_at
    FROM page AS p
    INNER JOIN LATERAL (
        SELECT a.stop_id FROM bus_stops AS a
        WHERE a.bus_id = p.bus_id AND a.idx = 0
        LIMIT 1
    ) AS a ON true
    INNER JOIN LATERAL (
        SELECT z.idx, z.stop_id, z.arrives_at
        FROM bus_stops AS z
        WHERE
            z.bus_id = p.bus_id AND z.idx > 0 AND z.can_alight
            AND ($1::bigint[] IS NULL OR z.stop_id = any($1::bigint[]))
        ORDER BY CASE WHEN $1::bigint[] IS NULL THEN -z.idx ELSE z.idx END
        LIMIT 1
    ) AS z ON true
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
-- Looked up for each of a page, however many rows of each table the planner believes that a page has.
INNER JOIN LATERAL (SELECT b.* FROM buses AS b WHERE b.bus_id = l.bus_id LIMIT 1) AS b ON true
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

-- name: count_calls
-- How many still call at one of $1 from $2 on, counted to $3 at most for each.
SELECT count(*) AS calls
FROM stops AS place
INNER JOIN LATERAL (
    SELECT a.bus_id
    FROM calls AS a
    WHERE a.stop_id = place.stop_id AND a.departs_at >= $2
    ORDER BY a.departs_at
    LIMIT $3
) AS a ON true
WHERE place.stop_id = any($1::bigint[]);

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
