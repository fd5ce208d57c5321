-- name: find_route
-- The pattern of an operator's route: $1 route, $2 operator.
SELECT s.stop_id, place.parent_id, s.arrival_seconds, s.departure_seconds
FROM route_stops AS s
INNER JOIN stops AS place ON place.stop_id = s.stop_id
WHERE s.route_id = $1 AND s.operator_id = $2
ORDER BY s.idx;

-- name: find_layout_size
SELECT count(*)::integer AS seats
FROM layouts AS l
INNER JOIN layout_seats AS s ON s.layout_id = l.layout_id
WHERE l.layout_id = $1 AND l.operator_id = $2
GROUP BY l.layout_id;

-- name: find_layout_by_name
SELECT l.layout_id FROM layouts AS l WHERE l.operator_id = $1 AND l.name = $2;

-- name: add_layout
WITH layout AS (
    INSERT INTO layouts (operator_id, name) VALUES ($1, $2)
    ON CONFLICT ON CONSTRAINT layouts_operator_name_key DO NOTHING
    RETURNING layout_id
),

seats AS (
    INSERT INTO layout_seats (
        layout_id, operator_id, seat_no, label, deck, row_no, column_no, seat_class, attributes, price_percent
    )
    SELECT
        l.layout_id, $1, s.seat_no, s.label, s.deck, s.row_no, s.column_no, s.seat_class,
        CASE WHEN s.attributes = '' THEN '{}' ELSE string_to_array(s.attributes, ',') END, s.price_percent
    FROM layout AS l
    CROSS JOIN unnest(
        $3::smallint[], $4::text[], $5::smallint[], $6::smallint[], $7::smallint[], $8::text[], $9::text[],
        $10::smallint[]
    ) AS s (seat_no, label, deck, row_no, column_no, seat_class, attributes, price_percent)
)

SELECT layout_id FROM layout;

-- name: find_operator
SELECT o.operator_id, o.time_zone, o.currency, o.disabled_at IS NOT NULL AS is_disabled
FROM operators AS o
WHERE $1::integer IS NULL OR o.operator_id = $1
ORDER BY o.operator_id
LIMIT 1;

-- name: add_operator
INSERT INTO operators (name, time_zone, currency, source_key) VALUES ($1, $2, $3, $4)
ON CONFLICT (lower(name)) DO NOTHING
RETURNING operator_id;

-- name: find_operator_by_name
SELECT o.operator_id, o.time_zone, o.currency FROM operators AS o WHERE lower(o.name) = lower($1);

-- name: add_ends_of_line
-- The two places of a bus that was given none, made once for each operator: $1 operator, $2 time zone.
INSERT INTO stops (source, code, name, time_zone)
VALUES ('operator:' || $1::integer, 'start', 'Start', $2), ('operator:' || $1::integer, 'end', 'End', $2)
ON CONFLICT ON CONSTRAINT stops_source_code_key DO NOTHING;

-- name: find_ends_of_line
-- Beside them lie the stops that its administrators have added.
SELECT s.stop_id, s.code
FROM stops AS s
WHERE s.source = 'operator:' || $1::integer AND s.code IN ('start', 'end');

-- name: wait_for_key
SELECT pg_advisory_xact_lock($1);

-- name: find_added
SELECT k.request_hash AS key_request, k.response AS key_response
FROM idempotency_keys AS k
WHERE k.bus_id = 0 AND k.key_hash = $1;

-- name: remember_added
INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
VALUES (0, $1, $2, $3, 201, $4)
ON CONFLICT ON CONSTRAINT idempotency_keys_once DO NOTHING
RETURNING true;

-- name: add_bus
-- The bus, its stops and its seats in one go: $11-$13 stops in order, $14 the audit's actor, $15 the status.
WITH bus AS (
    INSERT INTO buses (
        operator_id, route_id, layout_id, name, departs_at, arrives_at, service_date, total_seats, currency, fares,
        status
    )
    SELECT $1, $2, $3, $4, $5, $6, $7, count(*), $9, $10::integer[], $15
    FROM layout_seats AS l
    WHERE l.layout_id = $3
    RETURNING bus_id
),

stops AS (
    INSERT INTO bus_stops (bus_id, operator_id, idx, stop_id, arrives_at, departs_at)
    SELECT bus.bus_id, $1, s.place - 1, s.stop_id, s.arrives_at, s.departs_at
    FROM bus
    CROSS JOIN
        unnest($11::bigint[], $12::timestamptz[], $13::timestamptz[])
        WITH ORDINALITY AS s (stop_id, arrives_at, departs_at, place)
),

places AS (
    INSERT INTO seats (bus_id, operator_id, seat_no, states)
    SELECT bus.bus_id, $1, l.seat_no, repeat('A', $8::integer)
    FROM bus
    INNER JOIN layout_seats AS l ON l.layout_id = $3
),

logged AS (
    INSERT INTO audit_log (operator_id, actor_id, action, subject)
    SELECT $1, $14, 'bus.create', 'bus ' || bus.bus_id FROM bus
)

SELECT bus_id FROM bus;
