-- name: lock_user
SELECT
    u.user_id, u.name, u.email, u.password_hash, u.role, u.operator_id, u.disabled_at, u.email_verified_at, u.locale
FROM users AS u
WHERE u.user_id = $1 AND u.disabled_at IS NULL
FOR NO KEY UPDATE OF u;

-- name: find_user
SELECT
    u.user_id, u.name, u.email, u.password_hash, u.role, u.operator_id, u.disabled_at, u.email_verified_at, u.locale
FROM users AS u
WHERE u.user_id = $1;

-- name: is_taken
SELECT count(*) > 0 AS is_taken FROM users AS u WHERE lower(u.email) = lower($1) AND u.user_id <> $2;

-- name: rename
UPDATE users SET name = $2 WHERE user_id = $1;

-- name: set_locale
UPDATE users SET locale = $2 WHERE user_id = $1;

-- name: set_email
UPDATE users SET email = $2, email_verified_at = clock_timestamp() WHERE user_id = $1;

-- name: set_password
-- $3: whether they have just shown that they read the mail of their address.
UPDATE users
SET
    password_hash = $2,
    email_verified_at = coalesce(email_verified_at, CASE WHEN $3::boolean THEN clock_timestamp() END)
WHERE user_id = $1;
