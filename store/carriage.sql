-- name: count_handed
-- How many of the $1 jobs that are due first a broker has: $2 the lease that says so.
SELECT count(*) FILTER (WHERE q.lease = $2) AS handed
FROM (
    SELECT j.lease FROM jobs AS j
    WHERE j.state = 'QUEUED'
    ORDER BY j.due_at
    LIMIT $1
) AS q;

-- name: hand_over
-- Jobs that a broker has now ($1 buses, $2 bookings, $3 jobs), of those under the leases $4: $5 the lease that says so,
-- $6 until when nobody asks after them. The try that claiming them has counted is the consumer's to count.
UPDATE jobs AS j
SET lease = $5, leased_until = $6, attempts = j.attempts - 1
FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[]) AS w (bus_id, booking_id, job_id, lease)
WHERE
    j.bus_id = w.bus_id AND j.booking_id = w.booking_id AND j.job_id = w.job_id AND j.lease = w.lease
    AND j.state = 'QUEUED';

-- name: take
-- A job that was delivered, unless somebody has seen to it, or is about to: $1 bus, $2 booking, $3 job, $4 the try that
-- the delivery is for, $5 the relay's lease, $6 the lease of what a broker has, $7 ours, $8 for how long.
-- Two who take one job: the second waits for the row, reads it again, and leaves it.
UPDATE jobs AS j
SET lease = $7, leased_until = now() + $8::interval, attempts = $4::smallint + 1
WHERE
    j.bus_id = $1 AND j.booking_id = $2 AND j.job_id = $3 AND j.state = 'QUEUED'
    AND (
        (j.lease = $6 AND j.attempts = $4::smallint)
        -- It came before the relay had said that it is handed over.
        OR (j.lease = $5 AND j.attempts = $4::smallint + 1)
    )
RETURNING
    j.bus_id, j.booking_id, j.job_id, j.operator_id, j.kind, j.detail::text AS detail, j.attempts, j.due_at,
    j.created_at, j.last_error, now() AS now;
