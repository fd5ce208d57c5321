-- name: clear
TRUNCATE mails;

-- name: queue
-- One for each of $1 bookings, due since now: $2 what it says. The parameters are those of a cancellation.
INSERT INTO mails (mail_id, template, recipient, parameters, locale, about_bus, about_booking, due_at)
SELECT
    gen_random_uuid(), $2, b.email, '{"seats": "1A", "refund": "2000"}', 'en', b.bus_id, b.booking_id, now()
FROM bookings AS b
WHERE b.email IS NOT NULL
ORDER BY b.booking_id
LIMIT $1;
