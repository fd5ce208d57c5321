-- name: take
-- What the clock says is read before.
WITH t AS MATERIALIZED (SELECT now() AS now)

UPDATE jobs AS j
SET lease = $7, leased_until = now() + $8::interval, attempts = $4::smallint + 1
FROM t
WHERE
    j.bus_id = $1 AND j.booking_id = $2 AND j.job_id = $3 AND j.state = 'QUEUED'
    AND (
        (j.lease = $6 AND j.attempts = $4::smallint)
        OR (j.lease = $5 AND j.attempts = $4::smallint + 1)
    )
RETURNING
    j.bus_id, j.booking_id, j.job_id, j.operator_id, j.kind, j.detail::text AS detail, j.attempts, j.due_at,
    j.created_at, j.last_error, t.now;
