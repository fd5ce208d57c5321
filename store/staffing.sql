-- name: set_role
-- Logged with the operator that gains them, or else with the one that loses them.
WITH before AS (
    SELECT u.user_id, u.role, u.operator_id FROM users AS u WHERE u.user_id = $1
),

changed AS (
    UPDATE users SET role = $2, operator_id = $3
    WHERE user_id = $1
    RETURNING user_id
),

logged AS (
    INSERT INTO audit_log (operator_id, action, subject, detail)
    SELECT
        coalesce($3, b.operator_id), 'user.role' AS action, 'user ' || b.user_id,
        jsonb_build_object('role', ARRAY[b.role, $2], 'operator', ARRAY[b.operator_id, $3])
    FROM before AS b
)

SELECT user_id FROM changed;

-- name: set_password
WITH changed AS (
    UPDATE users SET password_hash = $2
    WHERE user_id = $1
    RETURNING user_id, operator_id
),

logged AS (
    INSERT INTO audit_log (operator_id, action, subject)
    SELECT c.operator_id, 'user.password' AS action, 'user ' || c.user_id FROM changed AS c
)

SELECT user_id FROM changed;

-- name: disable
UPDATE users SET disabled_at = coalesce(disabled_at, clock_timestamp())
WHERE user_id = $1
RETURNING user_id;

-- name: enable
UPDATE users SET disabled_at = NULL
WHERE user_id = $1
RETURNING user_id;
