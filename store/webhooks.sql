-- name: clock
SELECT clock_timestamp() AS now;

-- name: list_endpoints
-- Of the operator $1, of all for NULL, those after $2; $3 at most.
SELECT
    e.endpoint_id, e.operator_id, e.url, e.description, e.event_types, e.api_version, e.old_secret_ends_at,
    e.last_sequence, e.failing_since, e.disabled_at, e.disabled_because, e.created_at,
    (SELECT count(*) FROM webhook_deliveries AS d WHERE d.endpoint_id = e.endpoint_id AND d.state = 'WAITING')
        AS waiting
FROM webhook_endpoints AS e
WHERE ($1::integer IS NULL OR e.operator_id = $1) AND e.endpoint_id > $2 AND e.deleted_at IS NULL
ORDER BY e.endpoint_id
LIMIT $3;

-- name: find_endpoint
SELECT
    e.endpoint_id, e.operator_id, e.url, e.description, e.event_types, e.api_version, e.old_secret_ends_at,
    e.last_sequence, e.failing_since, e.disabled_at, e.disabled_because, e.created_at,
    (SELECT count(*) FROM webhook_deliveries AS d WHERE d.endpoint_id = e.endpoint_id AND d.state = 'WAITING')
        AS waiting
FROM webhook_endpoints AS e
WHERE e.endpoint_id = $1 AND e.deleted_at IS NULL;

-- name: lock_endpoint
SELECT e.endpoint_id, e.operator_id, e.secret_no FROM webhook_endpoints AS e
WHERE e.endpoint_id = $1 AND e.deleted_at IS NULL
FOR NO KEY UPDATE OF e;

-- name: lock_operator
-- Of two who add an endpoint, the second counts the first one's.
SELECT o.operator_id FROM operators AS o WHERE o.operator_id = $1 FOR NO KEY UPDATE OF o;

-- name: is_disabled
SELECT o.disabled_at IS NOT NULL FROM operators AS o WHERE o.operator_id = $1;

-- name: count_endpoints
SELECT count(*) FROM webhook_endpoints AS e WHERE e.operator_id = $1 AND e.deleted_at IS NULL;

-- name: add_endpoint
-- $1 operator, $2 address, $3 description, $4 what it is told, $5 now. Nothing is added where there is no operator, or
-- where one is of that address already.
INSERT INTO webhook_endpoints (operator_id, url, description, event_types, created_at)
SELECT o.operator_id, $2, $3, $4::text[], $5 FROM operators AS o
WHERE o.operator_id = $1
ON CONFLICT (operator_id, url) WHERE deleted_at IS NULL DO NOTHING
RETURNING endpoint_id, secret_no;

-- name: has_url
-- Whether an operator ($1) has another endpoint than $2 at the address $3.
SELECT true AS has_url FROM webhook_endpoints AS e
WHERE e.operator_id = $1 AND e.endpoint_id <> $2 AND e.url = $3 AND e.deleted_at IS NULL;

-- name: change_endpoint
-- $1 endpoint, $2 address, $3 description, $4 what it is told, $5 when staff disabled it (NULL: it is enabled).
UPDATE webhook_endpoints AS e
SET
    url = $2, description = $3, event_types = $4::text[],
    disabled_at = CASE WHEN $5::timestamptz IS NOT NULL THEN coalesce(e.disabled_at, $5) END,
    disabled_because = CASE WHEN $5::timestamptz IS NOT NULL THEN coalesce(e.disabled_because, 'staff') END,
    failing_since = CASE WHEN e.disabled_at IS NOT NULL AND $5::timestamptz IS NULL THEN NULL ELSE e.failing_since END
WHERE e.endpoint_id = $1;

-- name: rotate_secret
-- $1 endpoint, $2 until when the secret before is used, too.
UPDATE webhook_endpoints AS e SET secret_no = e.secret_no + 1, old_secret_ends_at = $2
WHERE e.endpoint_id = $1
RETURNING e.secret_no;

-- name: delete_endpoint
UPDATE webhook_endpoints AS e
SET
    deleted_at = $2, disabled_at = coalesce(e.disabled_at, $2),
    disabled_because = coalesce(e.disabled_because, 'staff')
WHERE e.endpoint_id = $1;

-- name: health
-- Of the endpoints that are enabled: how long the oldest delivery is overdue. And how many are disabled, by why.
SELECT
    (
        SELECT coalesce(extract(EPOCH FROM clock_timestamp() - min(oldest.due_at)), 0)
        FROM webhook_endpoints AS e
        INNER JOIN LATERAL (
            SELECT d.due_at FROM webhook_deliveries AS d
            WHERE d.endpoint_id = e.endpoint_id AND d.state = 'WAITING' AND d.due_at <= now()
            ORDER BY d.due_at
            LIMIT 1
        ) AS oldest ON true
        WHERE e.disabled_at IS NULL
    )::double precision AS overdue_seconds,
    (SELECT count(*) FROM webhook_endpoints AS e WHERE e.disabled_because = 'staff' AND e.deleted_at IS NULL) AS staff,
    (SELECT count(*) FROM webhook_endpoints AS e WHERE e.disabled_because = 'gone' AND e.deleted_at IS NULL) AS gone,
    (SELECT count(*) FROM webhook_endpoints AS e WHERE e.disabled_because = 'failing' AND e.deleted_at IS NULL)
        AS failing;

-- name: counts
SELECT c.outcome, c.attempts FROM webhook_counts AS c;
