-- name: clock
SELECT clock_timestamp() AS now;

-- name: find_by_key
-- Whose key this digest is, its own or the one before while that is good: $1.
SELECT
    d.device_id, d.operator_id, d.stop_id, d.kind, d.name, false AS is_old, NULL::timestamptz AS ends_at,
    clock_timestamp() AS now
FROM devices AS d
WHERE d.key_digest = $1 AND d.revoked_at IS NULL
UNION ALL
SELECT
    d.device_id, d.operator_id, d.stop_id, d.kind, d.name, true AS is_old, d.old_key_ends_at AS ends_at,
    clock_timestamp() AS now
FROM devices AS d
WHERE d.old_key_digest = $1 AND d.revoked_at IS NULL AND d.old_key_ends_at > clock_timestamp();

-- name: find_good_keys
-- Of the digests $1 those that still open something.
SELECT d.key_digest AS digest FROM devices AS d
WHERE d.key_digest = any($1::bytea[]) AND d.revoked_at IS NULL
UNION ALL
SELECT d.old_key_digest AS digest FROM devices AS d
WHERE d.old_key_digest = any($1::bytea[]) AND d.revoked_at IS NULL AND d.old_key_ends_at > clock_timestamp();

-- name: list_devices
-- Of the operator $1, of all for NULL, those after $2.
SELECT
    d.device_id, d.operator_id, d.stop_id, d.kind, d.name, d.key_issued_at, d.old_key_ends_at, d.paired_at,
    d.revoked_at, d.last_seen_at, d.last_sale_at, d.version, o.name AS operator, s.name AS stop,
    s.time_zone AS stop_time_zone, o.currency, o.time_zone
FROM devices AS d
INNER JOIN operators AS o ON o.operator_id = d.operator_id
LEFT JOIN stops AS s ON s.stop_id = d.stop_id
WHERE ($1::integer IS NULL OR d.operator_id = $1) AND d.device_id > $2
ORDER BY d.device_id
LIMIT $3;

-- name: find_device
SELECT
    d.device_id, d.operator_id, d.stop_id, d.kind, d.name, d.key_issued_at, d.old_key_ends_at, d.paired_at,
    d.revoked_at, d.last_seen_at, d.last_sale_at, d.version, o.name AS operator, s.name AS stop,
    s.time_zone AS stop_time_zone, o.currency, o.time_zone
FROM devices AS d
INNER JOIN operators AS o ON o.operator_id = d.operator_id
LEFT JOIN stops AS s ON s.stop_id = d.stop_id
WHERE d.device_id = $1;

-- name: lock_device
SELECT d.operator_id, d.kind, d.name, d.stop_id, d.key_digest, d.revoked_at FROM devices AS d
WHERE d.device_id = $1
FOR NO KEY UPDATE OF d;

-- name: has_stop
SELECT true AS has_stop FROM stops AS s WHERE s.stop_id = $1;

-- name: change_device
UPDATE devices SET name = $2, stop_id = $3
WHERE device_id = $1;

-- name: revoke_device
UPDATE devices SET revoked_at = $2, old_key_digest = NULL, old_key_ends_at = NULL
WHERE device_id = $1;

-- name: tell
-- Every process forgets what it knows of the device $1; the notification leaves with the commit, and not without it.
SELECT pg_notify('omnibus_bulletin', 'device ' || $1::bigint);

-- name: roll_key
-- $1 device, $2 its new key, $3 now, $4 the one before, and $5 until when that is good.
UPDATE devices SET key_digest = $2, key_issued_at = $3, old_key_digest = $4, old_key_ends_at = $5
WHERE device_id = $1;

-- name: note_heartbeat
-- $1 device, $2 now, $3 version, $4 its last sale, as it says; it keeps what it has said before.
UPDATE devices SET last_seen_at = $2, version = $3, last_sale_at = coalesce(least($4::timestamptz, $2), last_sale_at)
WHERE device_id = $1;
