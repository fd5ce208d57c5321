-- name: lock_shifts
-- Before the seats, shared: the open shifts of whoever takes cash. $1 operators, $2 users, $3 devices. One that is
-- being closed is waited for, and then is not open.
SELECT h.operator_id, h.user_id, h.device_id
FROM unnest($1::integer[], $2::bigint[], $3::bigint[]) AS w (operator_id, user_id, device_id)
INNER JOIN shifts AS h
    ON h.operator_id = w.operator_id AND h.closed_at IS NULL AND (h.user_id = w.user_id OR h.device_id = w.device_id)
ORDER BY h.shift_id
FOR SHARE OF h;
