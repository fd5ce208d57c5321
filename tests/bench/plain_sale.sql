-- The transaction that Omnibus commits for a booking, as one writes it by hand for one sale at a time: every table,
-- constraint and row policy of Omnibus, two statements between BEGIN and COMMIT. `pgbench` and `plain_server` run it.

-- name: lock
-- The seats in order, and what the key was answered before.
SELECT s.seat_no, s.states, clock_timestamp() AS now, k.request_hash, k.status, k.response
FROM seats AS s
LEFT JOIN idempotency_keys AS k ON k.bus_id = :bus AND k.key_hash = :key
WHERE s.bus_id = :bus AND s.seat_no IN (:first, :second)
ORDER BY s.seat_no
FOR UPDATE OF s;

-- name: write
-- Booking, claims, answer, seats; then the bus's next revision with its event.
WITH booked AS (
    INSERT INTO bookings (
        bus_id, operator_id, booking_id, ref, status, user_id, from_idx, to_idx, seats, prices, names, categories,
        method, email, created_at, expires_at
    ) VALUES (
        :bus, :operator, :booking, :ref, 'PENDING', :user, 0, 1, ARRAY[:first, :second]::smallint[],
        ARRAY[:price, :price]::integer[], ARRAY['Asha Rao', 'Asha Rao'], ARRAY['adult', 'adult'],
        'demo', 'asha@rider.example', :now, :expires
    )
),

claimed AS (
    INSERT INTO claims (bus_id, operator_id, seat_no, segment, booking_id)
    VALUES (:bus, :operator, :first, 0, :booking), (:bus, :operator, :second, 0, :booking)
),

answered AS (
    INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
    VALUES (:bus, :operator, :key, :request, 201, :response)
),

shown AS (
    UPDATE seats SET states = 'L' WHERE bus_id = :bus AND seat_no IN (:first, :second)
),

moved AS (
    UPDATE buses SET rev = rev + 1
    WHERE bus_id = :bus AND status = 'SCHEDULED'
    RETURNING bus_id, operator_id, epoch, rev
)

INSERT INTO events (bus_id, operator_id, epoch, rev, kind, seats, at)
SELECT bus_id, operator_id, epoch, rev, 'booked', :shown, :now FROM moved
RETURNING rev, epoch;
