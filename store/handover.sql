-- name: find_holder
-- Looked up before anything is locked, to know whose counts there are to lock: $1 bus, $2 hold.
SELECT h.buyer FROM holds AS h
WHERE h.bus_id = $1 AND h.hold_id = $2;

-- name: hand_over
-- $1 bus, $2 hold, $3 user, $4 buyer, $5 network. The deadline stays.
UPDATE holds SET user_id = $3, buyer = $4, network = $5
WHERE bus_id = $1 AND hold_id = $2;

-- name: set_count
-- $1 bus, $2 buyer, $3 seats, $4 holds.
UPDATE buyer_holds SET seats_held = $3, holds_held = $4
WHERE bus_id = $1 AND buyer = $2;
