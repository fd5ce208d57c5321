-- Codes and tries point at nothing of a bus. Moments are handed in: on a sharded database these tables are everywhere.

-- name: clock
SELECT clock_timestamp() AS now;

-- name: find_place
-- Whether there is such an operator ($1), and such a stop ($2) if one is named.
SELECT
    (SELECT o.operator_id FROM operators AS o WHERE o.operator_id = $1) AS operator_id,
    (SELECT o.disabled_at IS NOT NULL FROM operators AS o WHERE o.operator_id = $1) AS is_disabled,
    (SELECT s.stop_id FROM stops AS s WHERE s.stop_id = $2) AS stop_id;

-- name: lock_operator
-- Codes of an operator are counted one after the other.
SELECT o.operator_id FROM operators AS o WHERE o.operator_id = $1
FOR NO KEY UPDATE OF o;

-- name: count_live_codes
SELECT count(*) AS codes FROM device_codes AS c
WHERE c.operator_id = $1 AND c.device_id IS NULL AND c.wrong_tries < 20 AND c.expires_at > $2;

-- name: add_code
-- $1 digest, $2 operator, $3 stop, $4 kind, $5 name, $6 by whom, $7 now, $8 until when.
INSERT INTO device_codes (code_digest, operator_id, stop_id, kind, name, created_by, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (code_digest) DO NOTHING
RETURNING code_digest;

-- name: lock_live_codes
-- All of them, in order: whoever tries a code waits for whoever tries one, so no try goes uncounted.
SELECT c.code_digest, c.operator_id, c.stop_id, c.kind, c.name, c.created_by, c.wrong_tries, c.expires_at
FROM device_codes AS c
WHERE c.device_id IS NULL AND c.wrong_tries < 20 AND c.expires_at > $1
ORDER BY c.code_digest
FOR UPDATE OF c;

-- name: find_tries
SELECT t.wrong_tries, t.since FROM pairing_tries AS t
WHERE t.address = $1;

-- name: note_wrong_try
-- $1 address, $2 how many with this one, $3 since when.
INSERT INTO pairing_tries (address, wrong_tries, since) VALUES ($1, $2, $3)
ON CONFLICT (address) DO UPDATE SET wrong_tries = excluded.wrong_tries, since = excluded.since;

-- name: wear_codes
-- Every live code has been guessed at: $1 digests.
UPDATE device_codes SET wrong_tries = wrong_tries + 1
WHERE code_digest = any($1::bytea[]);

-- name: add_device
-- $1 operator, $2 stop, $3 kind, $4 name, $5 key, $6 now, $7 version.
INSERT INTO devices (operator_id, stop_id, kind, name, key_digest, key_issued_at, paired_at, last_seen_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $6, $6, $7)
RETURNING device_id;

-- name: use_code
UPDATE device_codes SET device_id = $2
WHERE code_digest = $1;

-- name: log
INSERT INTO audit_log (operator_id, actor_id, action, subject, detail)
VALUES ($1, $2, $3, $4, $5::jsonb);

-- name: purge_codes
DELETE FROM device_codes WHERE expires_at < $1;

-- name: purge_tries
DELETE FROM pairing_tries WHERE since < $1;
