-- name: taken
-- What a device took for its operator on a day of the operator's own clock: $1 device, $2 day.
SELECT
    p.bus_id, p.booking_id, p.amount, p.created_at AS at, b.ref, b.seats, b.status, x.name AS bus, x.currency,
    coalesce(back.amount, 0) AS refunded
FROM payments AS p
LEFT JOIN LATERAL (
    SELECT sum(r.amount)::bigint AS amount FROM refunds AS r
    WHERE r.bus_id = p.bus_id AND r.payment_id = p.payment_id
) AS back ON true
INNER JOIN bookings AS b ON b.bus_id = p.bus_id AND b.booking_id = p.booking_id
INNER JOIN buses AS x ON x.bus_id = p.bus_id
INNER JOIN operators AS o ON o.operator_id = p.operator_id
WHERE
    p.device_id = $1 AND p.status = 'SUCCEEDED'
    AND p.created_at >= $2::date::timestamp AT TIME ZONE o.time_zone
    AND p.created_at < ($2::date + 1)::timestamp AT TIME ZONE o.time_zone
ORDER BY p.created_at, p.bus_id, p.booking_id;

-- name: today
SELECT (clock_timestamp() AT TIME ZONE o.time_zone)::date AS today, o.time_zone, o.currency
FROM operators AS o
WHERE o.operator_id = $1;
