-- Buses of many lines, each between two stops of its own, ten a day for a hundred days: $1 lines. Four seats a bus: a
-- page counts the seats of its buses by primary key, however many others there are. Triggers may sleep meanwhile.

-- name: add_stops
INSERT INTO stops (stop_id, source, code, name, time_zone)
SELECT 1000000 + 2 * n.line + p.idx, 'bench', n.line || '-' || p.idx, 'Line ' || n.line || ' stop ' || p.idx, 'UTC'
FROM generate_series(1, $1::integer) AS n (line) CROSS JOIN generate_series(0, 1) AS p (idx);

-- name: add_buses
WITH runs AS (
    SELECT
        n.line, r.run,
        date_trunc('day', now()) + (1 + r.run / 10) * interval '1 day' + (6 + r.run % 10) * interval '1 hour'
        + n.line % 60 * interval '1 minute' AS leaves
    FROM generate_series(1, $1::integer) AS n (line) CROSS JOIN generate_series(0, 999) AS r (run)
),

pattern AS (
    SELECT * FROM buses ORDER BY bus_id LIMIT 1
)

INSERT INTO buses (
    bus_id, operator_id, layout_id, departs_at, arrives_at, total_seats, currency, fares, name, service_date
)
SELECT
    1000000 + 1000 * r.line + r.run, b.operator_id, b.layout_id, r.leaves, r.leaves + interval '3 hours', 4,
    b.currency, b.fares, b.name, r.leaves::date
FROM pattern AS b CROSS JOIN runs AS r;

-- name: add_calls
INSERT INTO bus_stops (bus_id, idx, operator_id, stop_id, arrives_at, departs_at)
SELECT
    b.bus_id, c.idx, b.operator_id, 1000000 + 2 * ((b.bus_id - 1000000) / 1000) + c.idx,
    CASE c.idx WHEN 0 THEN b.departs_at ELSE b.arrives_at END, CASE c.idx WHEN 0 THEN b.departs_at ELSE b.arrives_at END
FROM buses AS b CROSS JOIN generate_series(0, 1) AS c (idx)
WHERE b.bus_id BETWEEN 1001000 AND 1000999 + 1000 * $1::bigint;

-- name: add_searched
-- As triggers have done, if they were awake.
INSERT INTO calls (bus_id, idx, operator_id, stop_id, departs_at, can_board, can_alight)
SELECT s.bus_id, s.idx, s.operator_id, s.stop_id, s.departs_at, s.can_board, s.can_alight
FROM bus_stops AS s
WHERE s.bus_id BETWEEN 1001000 AND 1000999 + 1000 * $1::bigint
ON CONFLICT DO NOTHING;

-- name: add_seats
INSERT INTO seats (bus_id, seat_no, operator_id, states)
SELECT b.bus_id, s.seat_no, b.operator_id, 'A'
FROM buses AS b CROSS JOIN generate_series(1, 4) AS s (seat_no)
WHERE b.bus_id BETWEEN 1001000 AND 1000999 + 1000 * $1::bigint;
