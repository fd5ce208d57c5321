-- name: lock_booking
SELECT b.status, b.confirmed_at, b.email FROM bookings AS b
WHERE b.bus_id = $1 AND b.booking_id = $2
FOR NO KEY UPDATE OF b;

-- name: count_recent
-- Jobs of a kind ($3) that a booking ($1, $2) was given so lately ($4), done or not.
SELECT count(*) FROM jobs AS j
WHERE
    j.bus_id = $1 AND j.booking_id = $2 AND j.kind = $3 AND j.created_at > clock_timestamp() - $4::interval;
