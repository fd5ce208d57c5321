-- name: around
-- What a mail tells besides the booking: $1 bus, $2 the place of the boarding stop.
SELECT b.status, b.facts, s.bay, o.locale, clock_timestamp() AS now
FROM buses AS b
INNER JOIN operators AS o ON o.operator_id = b.operator_id
INNER JOIN bus_stops AS s ON s.bus_id = b.bus_id AND s.idx = $2
WHERE b.bus_id = $1;

-- name: locale_of_user
-- Asked by itself: accounts do not lie where bookings do.
SELECT u.locale FROM users AS u
WHERE u.user_id = $1;

-- name: languages
-- As they are now: what is remembered of a bus may be old. $1 user, if there is one, $2 operator.
SELECT o.locale AS operator, (SELECT u.locale FROM users AS u WHERE u.user_id = $1) AS account
FROM operators AS o
WHERE o.operator_id = $2;

-- name: refunded
-- $1 bus, $2 refund; the currency only if it is not that of the bus.
SELECT r.amount, p.currency::text AS currency
FROM refunds AS r
INNER JOIN payments AS p ON p.bus_id = r.bus_id AND p.payment_id = r.payment_id
WHERE r.bus_id = $1 AND r.refund_id = $2;

-- name: queue
INSERT INTO mails (mail_id, user_id, template, recipient, parameters, locale, about_bus, about_booking)
VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8)
ON CONFLICT (mail_id) DO NOTHING;
