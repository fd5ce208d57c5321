-- name: note
-- Once, however often it comes: $1 method, $2 event, $3 kind, $4 the provider's name for the payment.
INSERT INTO provider_events (method, event_id, kind, provider_ref)
VALUES ($1, $2, $3, $4)
ON CONFLICT (method, event_id) DO NOTHING
RETURNING event_id;

-- name: take
-- Events that nobody has acted upon, each for one process at a time: $1 how many, $2 how long, $3 methods.
UPDATE provider_events AS e SET attempts = e.attempts + 1, due_at = clock_timestamp() + $2::interval
FROM (
    SELECT q.method, q.event_id FROM provider_events AS q
    WHERE q.state = 'NEW' AND q.due_at <= clock_timestamp() AND q.method = any($3::text[])
    ORDER BY q.due_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
) AS due
WHERE e.method = due.method AND e.event_id = due.event_id
RETURNING e.method, e.event_id, e.kind, e.provider_ref, e.attempts;

-- name: finish
-- $1 method, $2 event, $3 state.
UPDATE provider_events SET state = $3
WHERE method = $1 AND event_id = $2;

-- name: put_off
-- $1 method, $2 event, $3 how long.
UPDATE provider_events SET due_at = clock_timestamp() + $3::interval
WHERE method = $1 AND event_id = $2 AND state = 'NEW';

-- name: purge
-- $1 age, $2 how many.
DELETE FROM provider_events AS e
USING (
    SELECT q.method, q.event_id FROM provider_events AS q
    WHERE q.received_at < clock_timestamp() - $1::interval
    LIMIT $2
) AS old
WHERE e.method = old.method AND e.event_id = old.event_id;
