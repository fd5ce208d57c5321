-- name: overdue_holds
-- Whoever is selling one of them right now goes first, and the next sweep comes again: $1 at most.
SELECT h.bus_id, h.hold_id, h.buyer, h.network
FROM holds AS h
WHERE h.state = 'ACTIVE' AND h.expires_at <= clock_timestamp()
ORDER BY h.expires_at
LIMIT $1
FOR UPDATE SKIP LOCKED;

-- name: overdue_bookings
SELECT b.bus_id, b.booking_id
FROM bookings AS b
WHERE b.status = 'PENDING' AND b.expires_at <= clock_timestamp()
ORDER BY b.expires_at
LIMIT $1
FOR UPDATE SKIP LOCKED;
