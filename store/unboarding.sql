-- name: find_scan
-- What a scan did, without waiting: $1 bus, $2 number.
SELECT s.booking_id, s.seat_no, s.device_id FROM scans AS s
WHERE s.bus_id = $1 AND s.scan_id = $2;

-- name: lock_booking
-- Whoever scans the ticket, or gives its seat away, waits for it, too.
SELECT b.booking_id FROM bookings AS b
WHERE b.bus_id = $1 AND b.booking_id = $2
FOR NO KEY UPDATE OF b;

-- name: read_scan
-- As it is under that lock.
SELECT
    s.scan_id, s.verdict, s.received_at, s.undone_at, s.seat_no, b.ref, b.from_idx, b.to_idx, b.seats,
    b.names::text[] AS names, clock_timestamp() AS now
FROM scans AS s
INNER JOIN bookings AS b ON b.bus_id = s.bus_id AND b.booking_id = s.booking_id
WHERE s.bus_id = $1 AND s.scan_id = $2;

-- name: undo
UPDATE scans SET undone_at = $3
WHERE bus_id = $1 AND scan_id = $2;
