-- The pretend provider's own books: none of these statements knows a booking.

-- name: begin
-- $1 its name, $2 the payment's number, $3 amount, $4 currency, $5 reference, $6 description, $7 where to return.
INSERT INTO demo_payments (provider_ref, payment_id, amount, currency, reference, description, return_url)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (payment_id) DO NOTHING;

-- name: find_begun
SELECT p.provider_ref, p.amount, p.currency, p.reference, p.description, p.return_url, p.status
FROM demo_payments AS p
WHERE p.payment_id = $1;

-- name: look
SELECT p.provider_ref, p.amount, p.currency, p.reference, p.description, p.return_url, p.status
FROM demo_payments AS p
WHERE p.provider_ref = $1;

-- name: move
-- From one of $2 to $3, or nothing.
UPDATE demo_payments SET status = $3
WHERE provider_ref = $1 AND status = any($2::text[])
RETURNING status;

-- name: add_webhooks
-- What is to be told of $1: events ($2), of kinds ($3), each in so many seconds ($4).
INSERT INTO demo_webhooks (provider_ref, event_id, kind, due_at)
SELECT $1, w.event_id, w.kind, clock_timestamp() + make_interval(secs => w.seconds)
FROM unnest($2::text[], $3::text[], $4::double precision[]) AS w (event_id, kind, seconds);

-- name: take_webhooks
-- Due, each for whoever takes it: $1 how many, $2 how long.
UPDATE demo_webhooks AS h SET attempts = h.attempts + 1, due_at = clock_timestamp() + $2::interval
FROM (
    SELECT q.webhook_id FROM demo_webhooks AS q
    WHERE q.due_at <= clock_timestamp()
    ORDER BY q.due_at, q.webhook_id
    LIMIT $1
    FOR UPDATE SKIP LOCKED
) AS due
WHERE h.webhook_id = due.webhook_id
RETURNING h.webhook_id, h.event_id, h.kind, h.provider_ref, h.attempts;

-- name: drop_webhook
DELETE FROM demo_webhooks WHERE webhook_id = $1;

-- name: refund
-- Once for every refund, and never more than was captured: $1 refund, $2 of what, $3 amount. What was paid at the till
-- (`POST /payments/{id}/demo`) was never begun here: it is paid back as asked.
INSERT INTO demo_refunds (refund_id, provider_ref, amount)
SELECT $1, $2, $3::bigint
WHERE
    NOT EXISTS (SELECT FROM demo_payments AS p WHERE p.provider_ref = $2)
    OR (
        SELECT p.amount FROM demo_payments AS p WHERE p.provider_ref = $2 AND p.status = 'succeeded'
    ) >= $3::bigint + (SELECT coalesce(sum(r.amount), 0) FROM demo_refunds AS r WHERE r.provider_ref = $2)
ON CONFLICT (refund_id) DO NOTHING;

-- name: find_refund
SELECT r.amount FROM demo_refunds AS r WHERE r.refund_id = $1;

-- name: lock_payment
-- Refunds of one payment take turns.
SELECT p.provider_ref FROM demo_payments AS p WHERE p.provider_ref = $1 FOR UPDATE;
