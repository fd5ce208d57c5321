-- name: list_deliveries
-- Of the endpoint $1, newest first, before the place $2: $3 in this state, $4 of this type, $5 about this booking,
-- $6 and $7 from when until when; $8 at most.
SELECT
    d.delivery_id, d.endpoint_id, d.sequence, d.event_type, d.booking_ref, d.body, d.state, d.attempts, d.created_at,
    d.due_at, d.done_at
FROM webhook_deliveries AS d
WHERE
    d.endpoint_id = $1 AND d.sequence < $2
    AND ($3::text IS NULL OR d.state = $3)
    AND ($4::text IS NULL OR d.event_type = $4)
    AND ($5::text IS NULL OR d.booking_ref = $5)
    AND ($6::timestamptz IS NULL OR d.created_at >= $6)
    AND ($7::timestamptz IS NULL OR d.created_at < $7)
ORDER BY d.sequence DESC
LIMIT $8;

-- name: find_delivery
-- $1 operator, $2 delivery, $3 endpoint.
SELECT
    d.delivery_id, d.endpoint_id, d.sequence, d.event_type, d.booking_ref, d.body, d.state, d.attempts, d.created_at,
    d.due_at, d.done_at
FROM webhook_deliveries AS d
WHERE d.operator_id = $1 AND d.delivery_id = $2 AND d.endpoint_id = $3;

-- name: list_attempts
SELECT a.attempt, a.began_at, a.duration_ms, a.outcome, a.status, a.answer, a.error
FROM webhook_attempts AS a
WHERE a.operator_id = $1 AND a.delivery_id = $2
ORDER BY a.attempt;

-- name: lock_queue
-- An endpoint ($1) with how much waits for it already, up to $2.
SELECT
    e.endpoint_id, e.operator_id, e.last_sequence, e.disabled_at IS NOT NULL AS is_disabled,
    (
        SELECT count(*)
        FROM (
            SELECT FROM webhook_deliveries AS d
            WHERE d.endpoint_id = e.endpoint_id AND d.state = 'WAITING'
            LIMIT $2
        ) AS counted
    ) AS waiting
FROM webhook_endpoints AS e
WHERE e.endpoint_id = $1 AND e.deleted_at IS NULL
FOR NO KEY UPDATE OF e;

-- name: resend
-- $1 operator, $2 delivery, $3 endpoint. While it is under way it only begins to count its tries anew.
UPDATE webhook_deliveries AS d
SET
    state = 'WAITING', tries = 0, done_at = NULL,
    due_at = CASE WHEN d.lease IS NULL THEN clock_timestamp() ELSE d.due_at END
WHERE d.operator_id = $1 AND d.delivery_id = $2 AND d.endpoint_id = $3
RETURNING d.delivery_id;

-- name: resend_failed
-- What failed for the endpoint $1 since $2, the oldest first: $3 at most.
WITH failed AS (
    SELECT o.operator_id, o.delivery_id
    FROM webhook_deliveries AS o
    WHERE o.endpoint_id = $1 AND o.state = 'FAILED' AND o.created_at >= $2
    ORDER BY o.created_at
    LIMIT $3
    FOR UPDATE OF o
)

UPDATE webhook_deliveries AS d
SET state = 'WAITING', tries = 0, done_at = NULL, lease = NULL, due_at = clock_timestamp()
FROM failed AS f
WHERE d.operator_id = f.operator_id AND d.delivery_id = f.delivery_id
RETURNING d.delivery_id;

-- name: has_failed
SELECT true AS has_failed FROM webhook_deliveries AS d
WHERE d.endpoint_id = $1 AND d.state = 'FAILED' AND d.created_at >= $2
LIMIT 1;
