-- name: claim
-- Jobs that are due, each for one worker, in one statement: $1 how many, $2 the lease, $3 for how long, $4 kinds that
-- this worker knows. A job waits while an earlier one of its booking is undone: under way, in trouble, or due as well.
-- One that was only set for a later moment keeps nobody waiting; nor does one that was given up.
-- `now()`, not the clock: only what is fixed for the statement can be looked up in an index.
UPDATE jobs AS j
SET lease = $2, leased_until = clock_timestamp() + $3::interval, attempts = j.attempts + 1
FROM (
    SELECT d.bus_id, d.booking_id, d.job_id
    FROM jobs AS d
    WHERE
        d.state = 'QUEUED' AND d.due_at <= now()
        AND (d.leased_until IS NULL OR d.leased_until <= now())
        AND d.kind = any($4::text[])
        AND NOT EXISTS (
            SELECT FROM jobs AS e
            WHERE
                e.bus_id = d.bus_id AND e.booking_id = d.booking_id AND e.state = 'QUEUED' AND e.job_id <> d.job_id
                AND (
                    e.leased_until > now()
                    OR (e.job_id < d.job_id AND (e.due_at <= now() OR e.last_error IS NOT NULL))
                )
        )
    ORDER BY d.due_at
    LIMIT $1
    FOR UPDATE OF d SKIP LOCKED
) AS due
WHERE j.bus_id = due.bus_id AND j.booking_id = due.booking_id AND j.job_id = due.job_id
RETURNING
    j.bus_id, j.booking_id, j.job_id, j.operator_id, j.kind, j.detail::text AS detail, j.attempts, j.due_at,
    j.created_at, j.last_error, clock_timestamp() AS now;

-- name: find_due
-- The same jobs, for a cluster, whose servers lock nothing for a statement that asks them all: $1 how many, $2 kinds.
SELECT d.bus_id, d.booking_id, d.job_id, clock_timestamp() AS now
FROM jobs AS d
WHERE
    d.state = 'QUEUED' AND d.due_at <= now()
    AND (d.leased_until IS NULL OR d.leased_until <= now())
    AND d.kind = any($2::text[])
    AND NOT EXISTS (
        SELECT FROM jobs AS e
        WHERE
            e.bus_id = d.bus_id AND e.booking_id = d.booking_id AND e.state = 'QUEUED' AND e.job_id <> d.job_id
            AND (
                e.leased_until > now()
                OR (e.job_id < d.job_id AND (e.due_at <= now() OR e.last_error IS NOT NULL))
            )
    )
ORDER BY d.due_at
LIMIT $1;

-- name: claim_found
-- Of those jobs the ones of one bus ($1) that nobody has taken meanwhile: $2 bookings, $3 jobs, $4 the lease, $5 until
-- when, $6 the time it is. Whoever comes second waits for the row, reads it again, and leaves it.
UPDATE jobs AS j
SET lease = $4, leased_until = $5, attempts = j.attempts + 1
FROM unnest($2::bigint[], $3::uuid[]) AS w (booking_id, job_id)
WHERE
    j.bus_id = $1 AND j.booking_id = w.booking_id AND j.job_id = w.job_id
    AND j.state = 'QUEUED' AND (j.leased_until IS NULL OR j.leased_until <= $6)
RETURNING
    j.bus_id, j.booking_id, j.job_id, j.operator_id, j.kind, j.detail::text AS detail, j.attempts, j.due_at,
    j.created_at, j.last_error;

-- name: finish
-- Jobs ($1 buses, $2 bookings, $3 jobs) under the leases $4: $5 states, $6 when they are due again, $7 tries that do
-- not count, $8 when they were done, $9 what was in the way. A lease that somebody else has by now finishes nothing.
UPDATE jobs AS j
SET
    state = w.state, due_at = w.due_at, attempts = j.attempts - w.uncounted, done_at = w.done_at,
    last_error = w.last_error, lease = NULL, leased_until = NULL
FROM
    unnest(
        $1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::smallint[],
        $8::timestamptz[], $9::text[]
    ) AS w (bus_id, booking_id, job_id, lease, state, due_at, uncounted, done_at, last_error)
WHERE j.bus_id = w.bus_id AND j.booking_id = w.booking_id AND j.job_id = w.job_id AND j.lease = w.lease
RETURNING j.job_id;

-- name: renew
-- $1 buses, $2 bookings, $3 jobs, $4 leases, $5 until when.
UPDATE jobs AS j SET leased_until = $5
FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[]) AS w (bus_id, booking_id, job_id, lease)
WHERE j.bus_id = w.bus_id AND j.booking_id = w.booking_id AND j.job_id = w.job_id AND j.lease = w.lease
RETURNING j.job_id;

-- name: find_bookings
-- Whose jobs these will be, and the time it is: $1 bus, $2 bookings.
SELECT b.booking_id, b.operator_id, clock_timestamp() AS now
FROM bookings AS b
WHERE b.bus_id = $1 AND b.booking_id = any($2::bigint[])
ORDER BY b.booking_id;

-- name: queue
-- One that is there already stays as it is. $1 bus, $2 operator; each job: $3 booking, $4 number, $5 kind, $6 detail,
-- $7 when it is due; $8 the time it is.
INSERT INTO jobs (bus_id, operator_id, booking_id, job_id, kind, detail, due_at, created_at)
SELECT $1, $2, w.booking_id, w.job_id, w.kind, w.detail::jsonb, w.due_at, $8
FROM
    unnest($3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::timestamptz[])
        AS w (booking_id, job_id, kind, detail, due_at)
ON CONFLICT (bus_id, booking_id, job_id) DO NOTHING;

-- name: add_counts
INSERT INTO job_counts (kind, outcome, tries)
SELECT w.kind, w.outcome, w.tries
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS w (kind, outcome, tries)
ORDER BY w.kind, w.outcome
ON CONFLICT (kind, outcome) DO UPDATE SET tries = job_counts.tries + excluded.tries;
