-- name: find_source
SELECT
    b.bus_id, b.operator_id, b.departs_at, b.status, o.time_zone::text AS time_zone,
    place.time_zone::text AS stop_zone, clock_timestamp() AS now
FROM buses AS b
INNER JOIN operators AS o ON o.operator_id = b.operator_id
INNER JOIN bus_stops AS s ON s.bus_id = b.bus_id AND s.idx = 0
INNER JOIN stops AS place ON place.stop_id = s.stop_id
WHERE b.bus_id = $1;

-- name: take_numbers
-- $1 operator, $2 how many.
SELECT next_bus_of($1) AS bus_id FROM generate_series(1, $2::integer);

-- name: add_buses
-- $1 what is copied, $2 numbers of the copies, $3 when they leave, $4 their days, $5 their status.
INSERT INTO buses (
    bus_id, operator_id, route_id, layout_id, name, departs_at, arrives_at, service_date, total_seats, currency, fares,
    sales_close_seconds, status
)
SELECT
    w.bus_id, b.operator_id, b.route_id, b.layout_id, b.name, w.departs_at,
    b.arrives_at + (w.departs_at - b.departs_at), w.service_date, b.total_seats, b.currency, b.fares,
    b.sales_close_seconds, $5
FROM buses AS b
CROSS JOIN unnest($2::bigint[], $3::timestamptz[], $4::date[]) AS w (bus_id, departs_at, service_date)
WHERE b.bus_id = $1;

-- name: add_stops
INSERT INTO bus_stops (bus_id, operator_id, idx, stop_id, arrives_at, departs_at, can_board, can_alight, bay)
SELECT
    w.bus_id, s.operator_id, s.idx, s.stop_id, s.arrives_at + (w.departs_at - b.departs_at),
    s.departs_at + (w.departs_at - b.departs_at), s.can_board, s.can_alight, s.bay
FROM buses AS b
INNER JOIN bus_stops AS s ON s.bus_id = b.bus_id
CROSS JOIN unnest($2::bigint[], $3::timestamptz[]) AS w (bus_id, departs_at)
WHERE b.bus_id = $1
ORDER BY w.bus_id, s.idx;

-- name: add_seats
INSERT INTO seats (bus_id, operator_id, seat_no, states)
SELECT w.bus_id, b.operator_id, l.seat_no, repeat('A', cardinality(b.fares))
FROM buses AS b
INNER JOIN layout_seats AS l ON l.layout_id = b.layout_id
CROSS JOIN unnest($2::bigint[]) AS w (bus_id)
WHERE b.bus_id = $1
ORDER BY w.bus_id, l.seat_no;

-- name: add_fares
INSERT INTO leg_fares (bus_id, operator_id, from_idx, to_idx, amount)
SELECT w.bus_id, f.operator_id, f.from_idx, f.to_idx, f.amount
FROM leg_fares AS f
CROSS JOIN unnest($2::bigint[]) AS w (bus_id)
WHERE f.bus_id = $1;
