-- name: find_hold
SELECT
    h.hold_id, h.state AS hold_state, h.user_id, h.from_idx, h.to_idx, h.seats, h.prices, h.created_at, h.expires_at,
    h.buyer, h.network, h.is_extended, clock_timestamp() AS now
FROM holds AS h
WHERE h.bus_id = $1 AND h.hold_id = $2;
