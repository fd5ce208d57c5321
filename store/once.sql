-- name: enter_platform
-- What is nobody's is kept as operator 0's, who does not exist; only this transaction may touch it.
SELECT set_config('omnibus.operators', array_append(operators_in_scope(), 0)::text, true);

-- name: wait_for_key
SELECT pg_advisory_xact_lock($1);

-- name: find_answer
SELECT k.request_hash AS key_request, k.status AS key_status, k.response AS key_response
FROM idempotency_keys AS k
WHERE k.bus_id = 0 AND k.key_hash = $1;

-- name: keep_answer
INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
VALUES (0, $1, $2, $3, $4, $5)
ON CONFLICT ON CONSTRAINT idempotency_keys_once DO NOTHING
RETURNING true;
