-- name: find_by_code
-- Where the tickets are that were read: $1 buses, $2 codes.
SELECT t.bus_id, t.code, t.booking_id, t.seat_no FROM tickets AS t
WHERE t.bus_id = any($1::bigint[]) AND t.code = any($2::uuid[]);

-- name: find_of_bookings
-- The same for those whose code says the booking: $1 buses, $2 bookings.
SELECT t.bus_id, t.booking_id, t.seat_no, t.former_seats, t.code
FROM unnest($1::bigint[], $2::bigint[]) AS w (bus_id, booking_id)
INNER JOIN tickets AS t ON t.bus_id = w.bus_id AND t.booking_id = w.booking_id;

-- name: find_edition
SELECT b.facts FROM buses AS b WHERE b.bus_id = $1;

-- name: find_post
-- The stop at which a scanner stands; none if it rides along.
SELECT d.stop_id FROM devices AS d WHERE d.device_id = $1;

-- name: find_by_ref
SELECT b.bus_id, b.booking_id, b.ref FROM bookings AS b
WHERE b.ref = any($1::text[]);

-- name: lock_bookings
-- Whoever scans a ticket waits for whoever scans it, or cancels it: $1 bus, $2 bookings.
SELECT b.booking_id FROM bookings AS b
WHERE b.bus_id = $1 AND b.booking_id = any($2::bigint[])
ORDER BY b.booking_id
FOR NO KEY UPDATE OF b;

-- name: clock
SELECT clock_timestamp() AS now;

-- name: find_tickets
-- As they are under that lock, with who has boarded on them: $1 bus, $2 bookings.
SELECT
    t.booking_id, t.seat_no, t.former_seats, t.status, b.ref, b.from_idx, b.to_idx, b.seats, b.names::text[] AS names,
    s.scanned_at AS boarded_at, d.name AS boarded_by, p.name AS boarded_where
FROM tickets AS t
INNER JOIN bookings AS b ON b.bus_id = t.bus_id AND b.booking_id = t.booking_id
LEFT JOIN scans AS s
    ON
        s.bus_id = t.bus_id AND s.booking_id = t.booking_id AND s.seat_no = t.seat_no
        AND s.verdict = 'ok' AND s.undone_at IS NULL
LEFT JOIN devices AS d ON d.device_id = s.device_id
LEFT JOIN stops AS p ON p.stop_id = d.stop_id
WHERE t.bus_id = $1 AND t.booking_id = any($2::bigint[]);

-- name: find_scans
-- Those that have come before: $1 bus, $2 numbers.
SELECT
    s.scan_id, s.reading, s.verdict, s.booking_id, s.seat_no, s.is_offline, s.scanned_at, s.received_at, s.undone_at
FROM scans AS s
WHERE s.bus_id = $1 AND s.scan_id = any($2::uuid[]);

-- name: add_scans
-- One bus, one scanner; from $5 one element a scan.
INSERT INTO scans (
    bus_id, operator_id, device_id, user_id, scan_id, reading, verdict, booking_id, seat_no, is_offline, scanned_at,
    received_at
)
SELECT
    $1, $2, $3, $4, w.scan_id, w.reading, w.verdict, w.booking_id, w.seat_no, w.is_offline, w.scanned_at, w.received_at
FROM
    unnest(
        $5::uuid[], $6::text[], $7::text[], $8::bigint[], $9::smallint[], $10::boolean[], $11::timestamptz[],
        $12::timestamptz[]
    ) AS w (scan_id, reading, verdict, booking_id, seat_no, is_offline, scanned_at, received_at)
ON CONFLICT DO NOTHING
RETURNING scan_id;
