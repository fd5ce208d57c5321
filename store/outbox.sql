-- name: list_dead
-- Given up, newest first: $1 operator (NULL: of all), $2 kind, $3 older than this one, $4 at most.
SELECT
    j.bus_id, j.job_id, j.operator_id, k.ref, j.kind, j.detail::text AS detail, j.state, j.attempts, j.created_at,
    j.due_at, j.leased_until, j.done_at, j.last_error
FROM jobs AS j
INNER JOIN bookings AS k ON k.bus_id = j.bus_id AND k.booking_id = j.booking_id
WHERE
    j.state = 'DEAD'
    AND ($1::integer IS NULL OR j.operator_id = $1)
    AND ($2::text IS NULL OR j.kind = $2)
    AND ($3::uuid IS NULL OR j.job_id < $3)
ORDER BY j.job_id DESC
LIMIT $4;

-- name: list_queued
-- Those that wait, likewise.
SELECT
    j.bus_id, j.job_id, j.operator_id, k.ref, j.kind, j.detail::text AS detail, j.state, j.attempts, j.created_at,
    j.due_at, j.leased_until, j.done_at, j.last_error
FROM jobs AS j
INNER JOIN bookings AS k ON k.bus_id = j.bus_id AND k.booking_id = j.booking_id
WHERE
    j.state = 'QUEUED'
    AND ($1::integer IS NULL OR j.operator_id = $1)
    AND ($2::text IS NULL OR j.kind = $2)
    AND ($3::uuid IS NULL OR j.job_id < $3)
ORDER BY j.job_id DESC
LIMIT $4;

-- name: list_of_bus
-- Those of one bus ($5), likewise, in the state $6 if there is one.
SELECT
    j.bus_id, j.job_id, j.operator_id, k.ref, j.kind, j.detail::text AS detail, j.state, j.attempts, j.created_at,
    j.due_at, j.leased_until, j.done_at, j.last_error
FROM jobs AS j
INNER JOIN bookings AS k ON k.bus_id = j.bus_id AND k.booking_id = j.booking_id
WHERE
    j.bus_id = $5
    AND ($1::integer IS NULL OR j.operator_id = $1)
    AND ($2::text IS NULL OR j.kind = $2)
    AND ($3::uuid IS NULL OR j.job_id < $3)
    AND ($6::text IS NULL OR j.state = $6)
ORDER BY j.job_id DESC
LIMIT $4;

-- name: lock_job
-- $1 bus, $2 job.
SELECT j.operator_id, j.kind, j.state, j.lease IS NOT NULL AS is_leased, clock_timestamp() AS now
FROM jobs AS j
WHERE j.bus_id = $1 AND j.job_id = $2
FOR UPDATE;

-- name: retry
-- As if it had never been tried, but what was in the way stays written until it is done: $3 the time it is.
UPDATE jobs AS j SET state = 'QUEUED', attempts = 0, due_at = $3
WHERE j.bus_id = $1 AND j.job_id = $2;

-- name: discard
-- $3 the time it is.
UPDATE jobs AS j
SET state = 'DONE', done_at = $3, last_error = left('discarded: ' || coalesce(j.last_error, 'never tried'), 300)
WHERE j.bus_id = $1 AND j.job_id = $2;

-- name: read_backlog
-- What is due and what was given up, $1 of each at most, and since when the oldest waits that is due.
SELECT
    (
        SELECT count(*) FROM (
            SELECT j.job_id FROM jobs AS j WHERE j.state = 'QUEUED' AND j.due_at <= now() LIMIT $1
        ) AS due
    ) AS due,
    (SELECT count(*) FROM (SELECT j.job_id FROM jobs AS j WHERE j.state = 'DEAD' LIMIT $1) AS dead) AS dead,
    (
        SELECT now() - j.due_at FROM jobs AS j
        WHERE j.state = 'QUEUED' AND j.due_at <= now()
        ORDER BY j.due_at
        LIMIT 1
    ) AS oldest;

-- name: read_counts
SELECT c.kind, c.outcome, c.tries FROM job_counts AS c ORDER BY c.kind, c.outcome;
