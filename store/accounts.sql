-- name: add_user
-- Staff is logged with its operator; riders come and go by themselves.
WITH added AS (
    INSERT INTO users (name, email, password_hash, role, operator_id, email_verified_at, locale)
    VALUES ($1, $2, $3, $4, $5, CASE WHEN $6::boolean THEN clock_timestamp() END, $7)
    ON CONFLICT (lower(email)) DO NOTHING
    RETURNING user_id, role, operator_id
),

logged AS (
    INSERT INTO audit_log (operator_id, action, subject, detail)
    SELECT a.operator_id, 'user.add' AS action, 'user ' || a.user_id, jsonb_build_object('role', a.role)
    FROM added AS a
    WHERE a.role <> 'rider'
)

SELECT user_id FROM added;

-- name: find_by_email
SELECT
    u.user_id, u.name, u.email, u.password_hash, u.role, u.operator_id, u.disabled_at, u.email_verified_at, u.locale
FROM users AS u
WHERE lower(u.email) = lower($1);

-- name: find_by_id
SELECT
    u.user_id, u.name, u.email, u.password_hash, u.role, u.operator_id, u.disabled_at, u.email_verified_at, u.locale
FROM users AS u
WHERE u.user_id = $1;

-- name: list_users
SELECT
    u.user_id, u.name, u.email, u.password_hash, u.role, u.operator_id, u.disabled_at, u.email_verified_at, u.locale
FROM users AS u
ORDER BY u.user_id
LIMIT $1;
