-- name: find_answered
-- Which of these keys an answer is stored under: $1 buses, $2 digests of keys.
SELECT k.bus_id, k.key_hash
FROM unnest($1::bigint[], $2::uuid[]) AS w (bus_id, key_hash)
INNER JOIN idempotency_keys AS k ON k.bus_id = w.bus_id AND k.key_hash = w.key_hash;
