-- name: lock_wanting
-- The endpoints of an operator ($1) that want to be told of something ($2), in order, each with how much waits for it
-- already, up to $3. Their locks make a sequence without gaps out of what many workers tell at once.
SELECT
    e.endpoint_id, e.last_sequence,
    (
        SELECT count(*)
        FROM (
            SELECT FROM webhook_deliveries AS d
            WHERE d.endpoint_id = e.endpoint_id AND d.state = 'WAITING'
            LIMIT $3
        ) AS counted
    ) AS waiting
FROM webhook_endpoints AS e
WHERE e.operator_id = $1 AND e.disabled_at IS NULL AND $2 = any(e.event_types)
ORDER BY e.endpoint_id
FOR NO KEY UPDATE OF e;

-- name: find_told
-- Of the deliveries $2 of an operator ($1) those that there are.
SELECT d.delivery_id FROM webhook_deliveries AS d WHERE d.operator_id = $1 AND d.delivery_id = any($2::uuid[]);

-- name: find_booking
-- What a booking ($1 bus, $2 number) is called, and its seats by number with their labels.
SELECT
    k.ref, k.status, k.seats,
    (
        SELECT array_agg(l.label::text ORDER BY s.place)
        FROM unnest(k.seats) WITH ORDINALITY AS s (seat_no, place)
        INNER JOIN layout_seats AS l ON l.layout_id = b.layout_id AND l.seat_no = s.seat_no
    ) AS labels
FROM bookings AS k
INNER JOIN buses AS b ON b.bus_id = k.bus_id
WHERE k.bus_id = $1 AND k.booking_id = $2;

-- name: add_deliveries
-- $1 operator, $2 type, $3 booking, $4 now; each delivery: $5 number, $6 endpoint, $7 place, $8 body, $9 state. What
-- does not fit in an endpoint's queue has failed from the beginning, so that it can be sent again.
WITH moved AS (
    UPDATE webhook_endpoints AS e SET last_sequence = w.sequence
    FROM unnest($6::bigint[], $7::bigint[]) AS w (endpoint_id, sequence)
    WHERE e.endpoint_id = w.endpoint_id
)

INSERT INTO webhook_deliveries (
    operator_id, event_type, booking_ref, created_at, due_at, delivery_id, endpoint_id, sequence, body, state, done_at
)
SELECT
    $1, $2, $3, $4::timestamptz, $4::timestamptz, w.delivery_id, w.endpoint_id, w.sequence, w.body, w.state,
    CASE WHEN w.state = 'FAILED' THEN $4::timestamptz END
FROM unnest($5::uuid[], $6::bigint[], $7::bigint[], $8::text[], $9::text[])
    AS w (delivery_id, endpoint_id, sequence, body, state);

-- name: claim
-- Deliveries that are due, each for one sender: $1 how many, $2 of one endpoint at a time, $3 whether of endpoints that
-- fail at the moment, $4 the lease, $5 how long it lasts. From one endpoint that waits for something the index leads to
-- the next, so that ten thousand deliveries of a dead one cost no more than one; and endpoints come in any order, so
-- that none is always the last. Two senders at one moment may take twice as much of one: each counts what it can see.
WITH RECURSIVE waiting (endpoint_id) AS (
    (
        SELECT d.endpoint_id FROM webhook_deliveries AS d
        WHERE d.state = 'WAITING'
        ORDER BY d.endpoint_id
        LIMIT 1
    )
    UNION ALL
    SELECT
        (
            SELECT d.endpoint_id FROM webhook_deliveries AS d
            WHERE d.state = 'WAITING' AND d.endpoint_id > w.endpoint_id
            ORDER BY d.endpoint_id
            LIMIT 1
        )
    FROM waiting AS w
    WHERE w.endpoint_id IS NOT NULL
),

listening AS MATERIALIZED (
    SELECT e.endpoint_id, greatest(0, $2 - busy.deliveries) AS room
    FROM waiting AS w
    INNER JOIN webhook_endpoints AS e ON e.endpoint_id = w.endpoint_id
    INNER JOIN LATERAL (
        SELECT count(*) AS deliveries FROM webhook_deliveries AS d
        WHERE d.endpoint_id = e.endpoint_id AND d.lease IS NOT NULL AND d.due_at > now()
    ) AS busy ON true
    WHERE e.disabled_at IS NULL AND (e.failing_since IS NOT NULL) = $3
    ORDER BY random()
),

due AS MATERIALIZED (
    SELECT l.endpoint_id, found.operator_id, found.delivery_id
    FROM listening AS l
    INNER JOIN LATERAL (
        SELECT d.operator_id, d.delivery_id
        FROM webhook_deliveries AS d
        WHERE d.endpoint_id = l.endpoint_id AND d.state = 'WAITING' AND d.due_at <= now()
        ORDER BY d.due_at
        LIMIT l.room
        FOR UPDATE OF d SKIP LOCKED
    ) AS found ON true
    LIMIT $1
)

UPDATE webhook_deliveries AS d
SET attempts = d.attempts + 1, tries = d.tries + 1, lease = $4, due_at = clock_timestamp() + $5::interval
FROM due AS t
INNER JOIN webhook_endpoints AS e ON e.endpoint_id = t.endpoint_id
WHERE d.operator_id = t.operator_id AND d.delivery_id = t.delivery_id
RETURNING
    d.operator_id, d.delivery_id, d.endpoint_id, d.event_type, d.body, d.attempts, d.tries, e.url, e.secret_no,
    coalesce(e.old_secret_ends_at > clock_timestamp(), false) AS has_old_secret, clock_timestamp() AS now;

-- name: lock_endpoint
SELECT e.failing_since, e.disabled_at, clock_timestamp() AS now
FROM webhook_endpoints AS e
WHERE e.endpoint_id = $1
FOR NO KEY UPDATE OF e;

-- name: finish
-- $1 operator, $2 delivery, $3 the lease under which this was found out, $4 state, $5 after how long it is due again. A
-- lease that somebody else has by now finishes nothing.
UPDATE webhook_deliveries AS d
SET
    state = $4, lease = NULL, due_at = clock_timestamp() + coalesce($5::interval, interval '0'),
    done_at = CASE $4::text WHEN 'WAITING' THEN NULL ELSE clock_timestamp() END
WHERE d.operator_id = $1 AND d.delivery_id = $2 AND d.lease = $3
RETURNING d.delivery_id;

-- name: add_attempt
-- Unless its delivery has been forgotten meanwhile.
INSERT INTO webhook_attempts (
    operator_id, delivery_id, attempt, began_at, duration_ms, outcome, status, answer, error
)
SELECT d.operator_id, d.delivery_id, $3, $4, $5, $6, $7, $8, $9
FROM webhook_deliveries AS d
WHERE d.operator_id = $1 AND d.delivery_id = $2;

-- name: set_failing
UPDATE webhook_endpoints AS e SET failing_since = $2 WHERE e.endpoint_id = $1;

-- name: disable
UPDATE webhook_endpoints AS e SET disabled_at = clock_timestamp(), disabled_because = $2
WHERE e.endpoint_id = $1;

-- name: log_disabled
INSERT INTO audit_log (operator_id, action, subject, detail)
VALUES ($1, 'webhook.give_up', 'webhook ' || $2::bigint, jsonb_build_object('because', $3::text));

-- name: tell_administrators
-- $1 operator, $2 template, $3 how many at most.
INSERT INTO mails (mail_id, user_id, template, recipient)
SELECT gen_random_uuid(), u.user_id, $2, u.email
FROM users AS u
WHERE u.operator_id = $1 AND u.role = 'operator' AND u.disabled_at IS NULL
ORDER BY u.user_id
LIMIT $3;

-- name: purge_deliveries
-- What is older than $1 or was for an endpoint that is no more, with its attempts; $2 at a time.
DELETE FROM webhook_deliveries AS d
USING (
    (
        SELECT o.operator_id, o.delivery_id FROM webhook_deliveries AS o
        WHERE o.created_at < now() - $1::interval
        LIMIT $2
    )
    UNION
    (
        SELECT o.operator_id, o.delivery_id
        FROM webhook_endpoints AS e
        INNER JOIN webhook_deliveries AS o ON o.endpoint_id = e.endpoint_id
        WHERE e.deleted_at IS NOT NULL
        LIMIT $2
    )
) AS old
WHERE d.operator_id = old.operator_id AND d.delivery_id = old.delivery_id;

-- name: purge_endpoints
DELETE FROM webhook_endpoints AS e
WHERE
    e.deleted_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM webhook_deliveries AS d WHERE d.endpoint_id = e.endpoint_id);

-- name: add_counts
INSERT INTO webhook_counts (outcome, attempts)
SELECT w.outcome, w.attempts FROM unnest($1::text[], $2::bigint[]) AS w (outcome, attempts)
ORDER BY w.outcome
ON CONFLICT (outcome) DO UPDATE SET attempts = webhook_counts.attempts + excluded.attempts;
