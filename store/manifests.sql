-- name: position
-- Where a bus stands, read before its passengers: what is written meanwhile makes the next manifest differ.
SELECT
    b.operator_id, b.name, b.facts, b.epoch, b.rev, b.status,
    -- One that is taken back counts twice: the number must not come again.
    (SELECT count(*) + count(s.undone_at) FROM scans AS s WHERE s.bus_id = b.bus_id) AS scans
FROM buses AS b
WHERE b.bus_id = $1;

-- name: passengers
-- Everybody who has a ticket for a bus, void ones too, by seat and then by where they board.
SELECT
    t.booking_id, t.seat_no, t.code, t.status AS ticket_status, b.ref, b.from_idx, b.to_idx, b.seats,
    b.names::text[] AS names, b.categories, t.former_seats, s.scanned_at AS boarded_at, d.name AS boarded_by
FROM tickets AS t
INNER JOIN bookings AS b ON b.bus_id = t.bus_id AND b.booking_id = t.booking_id
LEFT JOIN scans AS s
    ON
        s.bus_id = t.bus_id AND s.booking_id = t.booking_id AND s.seat_no = t.seat_no
        AND s.verdict = 'ok' AND s.undone_at IS NULL
LEFT JOIN devices AS d ON d.device_id = s.device_id
WHERE t.bus_id = $1
ORDER BY t.seat_no, b.from_idx, t.booking_id;

-- name: buses_of_day
-- The buses of an operator ($1) on a day of its own clock ($2; today for NULL), with how many may board and have.
SELECT
    b.bus_id, b.name, b.departs_at, b.arrives_at, b.status, b.epoch, b.rev, r.name AS route,
    (SELECT count(*) FROM tickets AS t WHERE t.bus_id = b.bus_id AND t.status = 'VALID') AS tickets,
    (SELECT count(*) + count(s.undone_at) FROM scans AS s WHERE s.bus_id = b.bus_id) AS scans,
    (
        SELECT count(*) FROM scans AS s
        WHERE s.bus_id = b.bus_id AND s.verdict = 'ok' AND s.undone_at IS NULL
    ) AS boarded
FROM buses AS b
INNER JOIN operators AS o ON o.operator_id = b.operator_id
LEFT JOIN routes AS r ON r.route_id = b.route_id
WHERE
    b.operator_id = $1
    AND b.departs_at
    >= coalesce($2::date, (clock_timestamp() AT TIME ZONE o.time_zone)::date)::timestamp AT TIME ZONE o.time_zone
    AND b.departs_at
    < (coalesce($2::date, (clock_timestamp() AT TIME ZONE o.time_zone)::date) + 1)::timestamp AT TIME ZONE o.time_zone
ORDER BY b.departs_at, b.bus_id
LIMIT 1000;
