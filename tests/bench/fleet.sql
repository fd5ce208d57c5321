-- Copies the one bus there is, with its stops and seats, $1 times.
INSERT INTO buses (
    bus_id, operator_id, layout_id, departs_at, arrives_at, total_seats, currency, fares, name, service_date
)
SELECT
    b.bus_id + n.copy, b.operator_id, b.layout_id, b.departs_at, b.arrives_at, b.total_seats, b.currency, b.fares,
    b.name, b.service_date
FROM buses AS b CROSS JOIN generate_series(1, $1::integer) AS n (copy);

INSERT INTO bus_stops (bus_id, idx, operator_id, stop_id, arrives_at, departs_at)
SELECT s.bus_id + n.copy, s.idx, s.operator_id, s.stop_id, s.arrives_at, s.departs_at
FROM bus_stops AS s CROSS JOIN generate_series(1, $1::integer) AS n (copy);

INSERT INTO seats (bus_id, seat_no, operator_id, states)
SELECT s.bus_id + n.copy, s.seat_no, s.operator_id, s.states
FROM seats AS s CROSS JOIN generate_series(1, $1::integer) AS n (copy)
