-- name: find_confirmed
SELECT FROM second_factors AS f
WHERE f.user_id = $1 AND f.confirmed_at IS NOT NULL;

-- name: begin
INSERT INTO second_factors AS f (user_id, sealed_secret)
VALUES ($1, $2)
ON CONFLICT (user_id) DO UPDATE
    SET sealed_secret = excluded.sealed_secret, begun_at = excluded.begun_at
    WHERE f.confirmed_at IS NULL
RETURNING f.user_id;

-- name: lock_user
SELECT u.user_id FROM users AS u
WHERE u.user_id = $1
FOR NO KEY UPDATE OF u;

-- name: lock_factor
-- A code is judged by the time after the lock: whoever waited here saw it grow old.
WITH locked AS (
    SELECT f.sealed_secret, f.confirmed_at, f.last_step, f.failures, f.locked_until
    FROM second_factors AS f
    WHERE f.user_id = $1
    FOR UPDATE OF f
)

SELECT l.*, clock_timestamp() AS now FROM locked AS l;

-- name: confirm
UPDATE second_factors SET confirmed_at = clock_timestamp(), last_step = $2
WHERE user_id = $1;

-- name: add_recovery
INSERT INTO recovery_codes (user_id, digest)
SELECT $1, c.digest
FROM unnest($2::bytea[]) AS c (digest);

-- name: use_step
UPDATE second_factors SET last_step = $2, failures = 0, locked_until = NULL
WHERE user_id = $1;

-- name: use_recovery
UPDATE recovery_codes SET used_at = clock_timestamp()
WHERE user_id = $1 AND digest = $2 AND used_at IS NULL
RETURNING user_id;

-- name: count_failure
UPDATE second_factors SET failures = failures + 1
WHERE user_id = $1;

-- name: lock_out
UPDATE second_factors SET failures = 0, locked_until = clock_timestamp() + $2::interval
WHERE user_id = $1;

-- name: remove
DELETE FROM second_factors WHERE user_id = $1
RETURNING user_id;
