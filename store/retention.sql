-- name: purge_events
-- Whole prefixes of each bus's history, so that what is kept has no gaps: $1 age, $2 buses at a time.
DELETE FROM events AS e
USING (
    SELECT o.bus_id, max(o.rev) AS rev
    FROM events AS o
    WHERE o.at < clock_timestamp() - $1::interval
    GROUP BY o.bus_id
    LIMIT $2
) AS old
WHERE e.bus_id = old.bus_id AND e.rev <= old.rev;

-- name: purge_keys
DELETE FROM idempotency_keys AS k
USING (
    SELECT o.bus_id, o.key_hash
    FROM idempotency_keys AS o
    WHERE o.created_at < clock_timestamp() - $1::interval
    LIMIT $2
) AS old
WHERE k.bus_id = old.bus_id AND k.key_hash = old.key_hash
RETURNING
    k.operator_id, date_trunc('minute', k.created_at, 'UTC') AS minute,
    k.status = 409 AND position('"seat_unavailable"'::bytea IN k.response) > 0 AS is_conflict;

-- name: count_conflicts
-- Refusals that were deleted in this transaction: $1 operators, $2 minutes, $3 how many. In order, for others may count
-- the same minutes meanwhile.
INSERT INTO conflict_counts AS c (operator_id, minute, conflicts)
SELECT n.operator_id, n.minute, n.conflicts
FROM unnest($1::integer[], $2::timestamptz[], $3::integer[]) AS n (operator_id, minute, conflicts)
ORDER BY n.operator_id, n.minute
ON CONFLICT (operator_id, minute) DO UPDATE SET conflicts = c.conflicts + excluded.conflicts;

-- name: purge_conflicts
DELETE FROM conflict_counts AS c
USING (
    SELECT o.operator_id, o.minute
    FROM conflict_counts AS o
    WHERE o.minute < now() - $1::interval
    LIMIT $2
) AS old
WHERE c.operator_id = old.operator_id AND c.minute = old.minute;

-- name: purge_counts
-- Of buses that arrived so long ago that nobody holds their seats: $1 age, $2 at a time.
DELETE FROM buyer_holds AS c
USING (
    SELECT o.bus_id, o.buyer
    FROM buyer_holds AS o
    INNER JOIN buses AS b ON b.bus_id = o.bus_id
    WHERE b.arrives_at < clock_timestamp() - $1::interval
    LIMIT $2
) AS old
WHERE c.bus_id = old.bus_id AND c.buyer = old.buyer;

-- name: purge_jobs
-- What is done; what was given up stays until somebody has decided about it: $1 age, $2 at a time. `now()`, not the
-- clock: only what is fixed for the statement can be looked up in an index.
DELETE FROM jobs AS j
USING (
    SELECT o.bus_id, o.booking_id, o.job_id
    FROM jobs AS o
    WHERE
        o.state = 'DONE' AND o.created_at < now() - $1::interval AND o.done_at < now() - $1::interval
    LIMIT $2
) AS old
WHERE j.bus_id = old.bus_id AND j.booking_id = old.booking_id AND j.job_id = old.job_id;
