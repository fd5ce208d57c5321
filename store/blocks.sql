-- name: find_block
SELECT b.block_id, b.seats, b.from_idx, b.to_idx, b.reason, b.created_at
FROM blocks AS b
WHERE b.bus_id = $1 AND b.block_id = $2;

-- name: list_blocks
-- Those that still keep seats off sale.
SELECT b.block_id, b.seats, b.from_idx, b.to_idx, b.reason, b.created_at
FROM blocks AS b
WHERE b.bus_id = $1 AND b.lifted_at IS NULL
ORDER BY b.created_at, b.block_id;
