-- name: set_status
UPDATE buses AS b SET status = $2, cancelled_at = $3 WHERE b.bus_id = $1;

-- name: affected
-- Under the lock of the bus row nobody adds to what is sold of it. Each table names the bus: what may be missing tells
-- no other table where it lies.
SELECT
    b.currency::text AS currency,
    count(k.booking_id) FILTER (WHERE k.status IN ('CONFIRMED', 'PARTIALLY_CANCELLED')) AS bookings,
    count(k.booking_id) FILTER (WHERE k.status = 'PENDING' AND k.expires_at > clock_timestamp()) AS unpaid,
    coalesce(sum(sold.seats), 0)::integer AS seats,
    coalesce(sum(sold.amount), 0) AS amount
FROM buses AS b
LEFT JOIN bookings AS k ON k.bus_id = $1
LEFT JOIN LATERAL (
    SELECT count(*) AS seats, sum(line.price) AS amount
    FROM unnest(k.seats, k.prices) AS line (seat_no, price)
    INNER JOIN tickets AS t
        ON t.bus_id = $1 AND t.booking_id = k.booking_id AND t.seat_no = line.seat_no AND t.status = 'VALID'
) AS sold ON k.status IN ('CONFIRMED', 'PARTIALLY_CANCELLED')
WHERE b.bus_id = $1
GROUP BY b.bus_id, b.currency;
