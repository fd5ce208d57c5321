-- name: add_intent
-- $1 bus, $2 operator, $3 booking, $4 payment, $5 method, $6 the provider's name for it, $7 action, $8 amount, $9 now,
-- $10 when the provider is asked next. Whoever begins a second time finds what was begun the first time.
INSERT INTO intents (
    bus_id, operator_id, booking_id, payment_id, method, provider_ref, action, amount, created_at, look_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9, $10)
ON CONFLICT (bus_id, booking_id) DO NOTHING;

-- name: clock
SELECT clock_timestamp() AS now FROM buses AS b WHERE b.bus_id = $1;

-- name: find_intent
-- $1 bus, $2 booking.
SELECT
    i.bus_id, i.booking_id, i.payment_id, i.operator_id, i.method, i.provider_ref, i.action::text AS action, i.amount,
    i.look_at, i.looks
FROM intents AS i
WHERE i.bus_id = $1 AND i.booking_id = $2;

-- name: find_by_ref
-- What a provider calls it: $1 method, $2 its name there.
SELECT
    i.bus_id, i.booking_id, i.payment_id, i.operator_id, i.method, i.provider_ref, i.action::text AS action, i.amount,
    i.look_at, i.looks
FROM intents AS i
WHERE i.provider_ref = $2 AND i.method = $1;

-- name: find_due
-- About which a provider is to be asked now, $1 at most, those of the methods $2. Whether their booking still waits
-- decides what is asked: what may still be paid is looked at, everything else is cancelled.
SELECT
    i.bus_id, i.booking_id, i.payment_id, i.operator_id, i.method, i.provider_ref, i.action::text AS action, i.amount,
    i.look_at, i.looks, b.expires_at, b.status = 'PENDING' AND b.expires_at > clock_timestamp() AS is_waiting,
    clock_timestamp() AS now
FROM intents AS i
INNER JOIN bookings AS b ON b.bus_id = i.bus_id AND b.booking_id = i.booking_id
WHERE i.look_at <= clock_timestamp() AND i.method = any($2::text[])
ORDER BY i.look_at
LIMIT $1;

-- name: lease
-- Whoever moves the moment is the one who asks: $1 bus, $2 booking, $3 when it was to be asked, $4 when next.
UPDATE intents SET look_at = $4, looks = looks + 1
WHERE bus_id = $1 AND booking_id = $2 AND look_at = $3
RETURNING looks;

-- name: put_off
-- $1 bus, $2 booking, $3 when next; NULL: never again. One that is closed stays closed.
UPDATE intents SET look_at = $3
WHERE bus_id = $1 AND booking_id = $2 AND look_at IS NOT NULL;
