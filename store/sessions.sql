-- name: start
INSERT INTO refresh_tokens (digest, family, user_id, issued_at, expires_at, family_expires_at)
SELECT $1, $2, $3, t.now, t.now + $4::interval, t.now + $5::interval
FROM (SELECT clock_timestamp() AS now) AS t
-- Nobody else can have made this token: it is our own, and the answer to it was lost.
ON CONFLICT (digest) DO NOTHING;

-- name: lock_family
-- The root is locked before any token of a family is read, so that uses of a parent and of its child queue up.
SELECT root.family
FROM refresh_tokens AS shown
INNER JOIN refresh_tokens AS root ON root.family = shown.family AND root.parent IS NULL
WHERE shown.digest = $1
FOR UPDATE OF root;

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

-- name: revoke_family
UPDATE refresh_tokens SET revoked_at = clock_timestamp()
WHERE family = $1 AND revoked_at IS NULL;

-- name: revoke_all
-- $1 user, $2 a token whose family is spared, if it is theirs.
UPDATE refresh_tokens AS r SET revoked_at = clock_timestamp()
WHERE
    r.user_id = $1 AND r.revoked_at IS NULL
    AND r.family IS DISTINCT FROM (
        SELECT kept.family FROM refresh_tokens AS kept WHERE kept.digest = $2 AND kept.user_id = $1
    )
RETURNING r.digest;

-- name: purge
DELETE FROM refresh_tokens AS r
WHERE r.family IN (
    SELECT old.family FROM refresh_tokens AS old WHERE old.family_expires_at < clock_timestamp() LIMIT 500
);
