-- name: overdue_holds
SELECT h.bus_id, h.hold_id
FROM holds AS h
WHERE h.state = 'ACTIVE' AND h.expires_at <= clock_timestamp()
ORDER BY h.expires_at
LIMIT $1;

-- name: overdue_bookings
SELECT b.bus_id, b.booking_id
FROM bookings AS b
WHERE b.status = 'PENDING' AND b.expires_at <= clock_timestamp()
ORDER BY b.expires_at
LIMIT $1;

-- name: lock_overdue_hold
-- After the buyer's count and the seats: $1 bus, $2 hold.
SELECT
    h.state AS hold_state, h.user_id, h.from_idx, h.to_idx, h.seats, h.prices, h.created_at, h.expires_at,
    clock_timestamp() AS now
FROM holds AS h
WHERE h.bus_id = $1 AND h.hold_id = $2
FOR UPDATE OF h;

-- name: lock_overdue_booking
SELECT b.status, b.expires_at, clock_timestamp() AS now
FROM bookings AS b
WHERE b.bus_id = $1 AND b.booking_id = $2
FOR UPDATE OF b;

-- name: segments_of_hold
SELECT c.seat_no, c.segment FROM claims AS c WHERE c.bus_id = $1 AND c.seat_no = any($2::smallint[]) AND c.hold_id = $3;

-- name: segments_of_booking
SELECT c.seat_no, c.segment
FROM claims AS c
WHERE c.bus_id = $1 AND c.seat_no = any($2::smallint[]) AND c.booking_id = $3;
