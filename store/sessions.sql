-- name: start
WITH entering AS (
    SELECT u.user_id, clock_timestamp() AS now FROM users AS u
    WHERE u.user_id = $3 AND u.disabled_at IS NULL
    FOR SHARE OF u
),

added AS (
    INSERT INTO refresh_tokens (digest, family, user_id, issued_at, expires_at, family_expires_at)
    SELECT $1, $2, e.user_id, e.now, e.now + $4::interval, e.now + $5::interval
    FROM entering AS e
    -- Nobody else can have made this token: it is our own, and the answer to it was lost.
    ON CONFLICT (digest) DO NOTHING
)

SELECT e.user_id FROM entering AS e;

-- name: lock_family
-- The root is locked before any token of a family is read, so that uses of a parent and of its child queue up.
SELECT root.family, root.user_id
FROM refresh_tokens AS shown
INNER JOIN refresh_tokens AS root ON root.family = shown.family AND root.parent IS NULL
WHERE shown.digest = $1
FOR UPDATE OF root;

-- name: lock_session
-- One that is over is not there.
SELECT root.user_id
FROM refresh_tokens AS root
WHERE root.family = $2::text::uuid AND root.user_id = $1 AND root.parent IS NULL AND root.revoked_at IS NULL
FOR UPDATE OF root;

-- name: lock_user
SELECT u.user_id FROM users AS u
WHERE u.user_id = $1
FOR NO KEY UPDATE OF u;

-- name: find_token
SELECT
    r.family, r.user_id, r.expires_at, r.family_expires_at, r.used_at, r.revoked_at,
    clock_timestamp() AS now
FROM refresh_tokens AS r
WHERE r.digest = $1;

-- name: find_unused_child
SELECT r.digest FROM refresh_tokens AS r
WHERE r.parent = $1 AND r.used_at IS NULL AND r.revoked_at IS NULL;

-- name: revoke_token
UPDATE refresh_tokens SET revoked_at = clock_timestamp() WHERE digest = $1;

-- name: rotate
WITH used AS (
    UPDATE refresh_tokens SET used_at = coalesce(used_at, $6) WHERE digest = $2
)

INSERT INTO refresh_tokens (digest, parent, family, user_id, issued_at, expires_at, family_expires_at)
VALUES ($1, $2, $3, $4, $6, least($6 + $5::interval, $7), $7);

-- name: list_open
SELECT r.family, min(r.issued_at) AS begun_at, max(r.issued_at) AS used_at
FROM refresh_tokens AS r
WHERE r.user_id = $1 AND r.revoked_at IS NULL
GROUP BY r.family
HAVING bool_or(r.used_at IS NULL AND r.expires_at > clock_timestamp())
ORDER BY used_at DESC, r.family
LIMIT 100;

-- name: purge
-- Not before the last access token of a family is over: until then it can be ended.
DELETE FROM refresh_tokens AS r
WHERE r.family IN (
    SELECT old.family FROM refresh_tokens AS old
    WHERE old.family_expires_at < clock_timestamp() - interval '1 hour'
    LIMIT 500
);
