-- Statements that need words of their own on a cluster, under the names they have where they are at home.

-- name: change_holds
-- Casts of texts count as stable, and what is stable may not be applied to columns while rows are changed: cast before.
WITH w AS MATERIALIZED (
    SELECT
        u.bus_id, u.hold_id, u.seats::smallint[] AS seats, u.prices::integer[] AS prices, u.expires_at, u.is_extended
    FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[])
        AS u (bus_id, hold_id, seats, prices, expires_at, is_extended)
)

UPDATE holds AS h
SET seats = w.seats, prices = w.prices, expires_at = w.expires_at, is_extended = w.is_extended
FROM w
WHERE h.bus_id = w.bus_id AND h.bus_id = any($1::bigint[]) AND h.hold_id = w.hold_id;

-- name: count_held
-- What lies beside what is on all servers cannot be asked row by row: the batch is joined with each of the four, and
-- the limits come as a row of their own.
WITH w AS MATERIALIZED (
    SELECT u.*, now() - make_interval(secs => o.cooldown_seconds) AS since
    FROM unnest($1::bigint[], $2::integer[], $3::uuid[], $4::text[]) AS u (bus_id, operator_id, buyer, kind)
    INNER JOIN operators AS o ON o.operator_id = u.operator_id
)

SELECT
    k.operator_id, k.bus_id, k.buyer, k.network, k.hold_id, k.booking_id, k.seats, k.expires_at, k.part_of, k.let_go_at,
    k.is_voucher,
    o.seats_per_buyer, o.seats_per_address, o.seats_per_staff, o.holds_per_buyer, o.holds_per_staff,
    o.cooldown_seconds, o.extension_seconds, o.hold_seconds_max
FROM (
    SELECT
        h.bus_id, h.operator_id, h.buyer, h.network, h.hold_id, NULL::bigint AS booking_id, h.seats, h.expires_at,
        h.part_of, CASE WHEN h.state <> 'ACTIVE' THEN least(h.ended_at, h.expires_at) END AS let_go_at,
        false AS is_voucher
    FROM w
    INNER JOIN holds AS h ON h.buyer = w.buyer AND h.operator_id = w.operator_id
    WHERE
        w.kind <> 'address'
        AND CASE WHEN h.ended_at IS NULL THEN 'infinity' ELSE h.ended_at END > w.since -- noqa: ST02
        AND (h.state = 'ACTIVE' OR (h.bus_id = w.bus_id AND h.state <> 'BOOKED'))
    UNION ALL
    SELECT
        b.bus_id, b.operator_id, b.buyer, b.network, NULL::uuid AS hold_id, b.booking_id, b.seats, b.expires_at,
        NULL::uuid AS part_of, b.ended_at AS let_go_at, b.method = 'cash' AS is_voucher
    FROM w
    INNER JOIN bookings AS b ON b.buyer = w.buyer AND b.operator_id = w.operator_id
    WHERE
        w.kind <> 'address'
        AND b.confirmed_at IS NULL
        AND CASE WHEN b.ended_at IS NULL THEN 'infinity' ELSE b.ended_at END > w.since -- noqa: ST02
        AND (b.status = 'PENDING' OR (b.bus_id = w.bus_id AND b.status <> 'FAILED'))
    UNION ALL
    SELECT
        h.bus_id, h.operator_id, h.buyer, h.network, h.hold_id, NULL::bigint AS booking_id, h.seats, h.expires_at,
        NULL::uuid AS part_of, NULL::timestamptz AS let_go_at, false AS is_voucher
    FROM w
    INNER JOIN holds AS h ON h.bus_id = w.bus_id AND h.network = w.buyer
    WHERE w.kind = 'address'
    UNION ALL
    SELECT
        b.bus_id, b.operator_id, b.buyer, b.network, NULL::uuid AS hold_id, b.booking_id, b.seats, b.expires_at,
        NULL::uuid AS part_of, NULL::timestamptz AS let_go_at, false AS is_voucher
    FROM w
    INNER JOIN bookings AS b ON b.bus_id = w.bus_id AND b.network = w.buyer
    WHERE w.kind = 'address'
    UNION ALL
    SELECT
        NULL::bigint AS bus_id, w.operator_id, NULL::uuid AS buyer, NULL::uuid AS network, NULL::uuid AS hold_id,
        NULL::bigint AS booking_id, NULL::smallint[] AS seats, NULL::timestamptz AS expires_at,
        NULL::uuid AS part_of, NULL::timestamptz AS let_go_at, false AS is_voucher
    FROM w
) AS k
INNER JOIN operators AS o ON o.operator_id = k.operator_id;

-- name: buyers_stay_within_their_caps
-- What is kept is told by the tables it lies in, each time: what has a name of its own is gathered on the coordinator,
-- and then has no counts beside it.
SELECT n.bus_id, n.identity
FROM (
    SELECT h.bus_id, h.buyer AS identity, cardinality(h.seats) AS seats, 1 AS holds
    FROM holds AS h
    WHERE
        h.buyer IS NOT NULL AND h.state = 'ACTIVE' AND h.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR h.bus_id = any($1))
    UNION ALL
    SELECT h.bus_id, h.network AS identity, cardinality(h.seats) AS seats, 0 AS holds
    FROM holds AS h
    WHERE
        h.buyer IS NOT NULL AND h.network IS NOT NULL AND h.state = 'ACTIVE' AND h.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR h.bus_id = any($1))
    UNION ALL
    SELECT b.bus_id, b.buyer AS identity, cardinality(b.seats) AS seats, 1 AS holds
    FROM bookings AS b
    WHERE
        b.buyer IS NOT NULL AND b.status = 'PENDING' AND b.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR b.bus_id = any($1))
    UNION ALL
    SELECT b.bus_id, b.network AS identity, cardinality(b.seats) AS seats, 0 AS holds
    FROM bookings AS b
    WHERE
        b.buyer IS NOT NULL AND b.network IS NOT NULL AND b.status = 'PENDING' AND b.expires_at > clock_timestamp()
        AND ($1::bigint[] IS NULL OR b.bus_id = any($1))
) AS n
LEFT JOIN buyer_holds AS c ON c.bus_id = n.bus_id AND c.buyer = n.identity
GROUP BY n.bus_id, n.identity, c.seats_max, c.holds_max
HAVING sum(n.seats) > coalesce(c.seats_max, 0) OR sum(n.holds) > coalesce(c.holds_max, 0);

-- name: take_time
-- What a shift came to is read on all servers and then written to a copied table: that takes one connection a server.
SELECT set_config('statement_timeout', '30s', true), set_config('citus.multi_shard_modify_mode', 'sequential', true);

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

-- name: searches_find_every_call
-- There they are a view of the stops, and cannot differ.
SELECT s.bus_id, s.idx FROM bus_stops AS s WHERE false AND ($1::bigint[] IS NULL OR s.bus_id = any($1));
