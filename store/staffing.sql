-- name: set_role
UPDATE users SET role = $2, operator_id = $3
WHERE user_id = $1
RETURNING user_id;

-- name: set_password
UPDATE users SET password_hash = $2
WHERE user_id = $1
RETURNING user_id;

-- name: disable
UPDATE users SET disabled_at = coalesce(disabled_at, clock_timestamp())
WHERE user_id = $1
RETURNING user_id;

-- name: enable
UPDATE users SET disabled_at = NULL
WHERE user_id = $1
RETURNING user_id;
