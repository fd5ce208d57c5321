-- name: overdue_holds
-- Whoever is selling one of them right now goes first, and the next sweep comes again: $1 at most.
SELECT h.bus_id, h.hold_id, h.buyer, h.network
FROM holds AS h
WHERE h.state = 'ACTIVE' AND h.expires_at <= clock_timestamp()
ORDER BY h.expires_at
LIMIT $1
FOR UPDATE SKIP LOCKED;

-- name: overdue_bookings
-- What was begun at a provider is cancelled there first: it has until $2 after the deadline for its last word. Until
-- then the seats are anybody's who asks for them, only nobody is told yet.
SELECT b.bus_id, b.booking_id
FROM bookings AS b
WHERE
    b.status = 'PENDING' AND b.expires_at <= clock_timestamp()
    AND (
        b.expires_at <= clock_timestamp() - $2::interval
        OR NOT EXISTS (
            SELECT FROM intents AS i
            WHERE i.bus_id = b.bus_id AND i.booking_id = b.booking_id AND i.look_at IS NOT NULL
        )
    )
ORDER BY b.expires_at
LIMIT $1
FOR UPDATE SKIP LOCKED;
