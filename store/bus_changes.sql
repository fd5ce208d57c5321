-- name: lock_seats
-- First in the lock order, as everywhere.
SELECT s.seat_no FROM seats AS s WHERE s.bus_id = $1 ORDER BY s.seat_no FOR UPDATE OF s;

-- name: lock_bus
-- Whoever edits a bus comes here, so that edits follow each other.
SELECT
    b.bus_id, b.operator_id, b.facts, b.status, b.name::text AS name, b.departs_at, b.arrives_at, b.sales_close_seconds,
    b.layout_id, b.vehicle_id, clock_timestamp() AS now
FROM buses AS b
WHERE b.bus_id = $1
FOR NO KEY UPDATE OF b;

-- name: tell
-- Last: the next edition, the next revision and its event. $1 bus, $2 kind, $3 1 for another epoch, else 0, $4 seats
-- that are otherwise now.
WITH bus AS (
    UPDATE buses AS b SET facts = b.facts + 1, rev = b.rev + 1, epoch = b.epoch + $3::integer
    WHERE b.bus_id = $1
    RETURNING b.bus_id, b.operator_id, b.epoch, b.rev, b.status
),

told AS (
    INSERT INTO events (bus_id, operator_id, epoch, rev, kind, seats, at)
    SELECT bus.bus_id, bus.operator_id, bus.epoch, bus.rev, $2, $4, clock_timestamp() FROM bus
    RETURNING epoch, rev, at
)

SELECT told.epoch, told.rev, told.at, bus.status
FROM told
CROSS JOIN bus;

-- name: find_paid
-- The bookings of a bus whose passengers count on it.
SELECT k.booking_id FROM bookings AS k
WHERE k.bus_id = $1 AND k.status IN ('CONFIRMED', 'PARTIALLY_CANCELLED')
ORDER BY k.booking_id;
