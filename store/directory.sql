-- name: list
-- $1 operator, $2 role, $3 part of a name or an address: null for any.
SELECT
    u.user_id, u.name, u.email, u.role, u.operator_id, u.disabled_at, u.created_at,
    f.confirmed_at IS NOT NULL AS has_second_factor
FROM users AS u
LEFT JOIN second_factors AS f ON f.user_id = u.user_id
WHERE
    u.user_id > $4
    AND ($1::integer IS NULL OR u.operator_id = $1)
    AND ($2::text IS NULL OR u.role = $2)
    AND ($3::text IS NULL OR u.name ILIKE $3 OR u.email ILIKE $3)
ORDER BY u.user_id
LIMIT $5;

-- name: find
SELECT
    u.user_id, u.name, u.email, u.role, u.operator_id, u.disabled_at, u.created_at,
    f.confirmed_at IS NOT NULL AS has_second_factor
FROM users AS u
LEFT JOIN second_factors AS f ON f.user_id = u.user_id
WHERE u.user_id = $1;

-- name: lock_managers
-- Two managers who let each other go at the same moment would leave nobody; people are changed seldom enough to queue.
SELECT pg_advisory_xact_lock(hashtextextended('managers', 0));

-- name: lock
SELECT
    u.user_id, u.name, u.email, u.role, u.operator_id, u.disabled_at, u.created_at,
    f.confirmed_at IS NOT NULL AS has_second_factor
FROM users AS u
LEFT JOIN second_factors AS f ON f.user_id = u.user_id
WHERE u.user_id = $1
FOR NO KEY UPDATE OF u;

-- name: add
INSERT INTO users (name, email, password_hash, role, operator_id)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (lower(email)) DO NOTHING
RETURNING user_id;

-- name: change
UPDATE users
SET
    name = $2, role = $3, operator_id = $4,
    disabled_at = CASE WHEN $5::boolean THEN coalesce(disabled_at, clock_timestamp()) END
WHERE user_id = $1;

-- name: count_managers
SELECT count(*) FROM users AS u
WHERE u.role = $1 AND u.operator_id IS NOT DISTINCT FROM $2 AND u.disabled_at IS NULL;

-- name: find_operator
SELECT o.operator_id FROM operators AS o
WHERE o.operator_id = $1;

-- name: log
INSERT INTO audit_log (operator_id, actor_id, action, subject, detail)
VALUES ($1, $2, $3, $4, $5::jsonb);
