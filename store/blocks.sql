-- name: find_block
SELECT b.seats, b.from_idx, b.to_idx, b.reason, b.created_at
FROM blocks AS b
WHERE b.bus_id = $1 AND b.block_id = $2;
