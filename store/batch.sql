-- Set-based: every statement takes parallel arrays, one element a row. A batch runs the lock statements it needs in
-- this order, decides in Python, runs the write statements it needs in this order, and `write_tail` last.
-- No lock statement filters by state: a row that was waited for is read again as it is then.

-- name: lock_seats
-- $1 and $2 seats, $3 buses, $4 and $5 idempotency keys. Everything in one row, as arrays.
WITH locked AS MATERIALIZED (
    SELECT s.bus_id, s.seat_no, s.states
    FROM unnest($1::bigint[], $2::smallint[]) AS w (bus_id, seat_no)
    INNER JOIN seats AS s ON s.bus_id = w.bus_id AND s.seat_no = w.seat_no
    ORDER BY s.bus_id, s.seat_no
    FOR UPDATE OF s
),

gathered AS MATERIALIZED (
    SELECT
        array_agg(l.bus_id) AS seat_buses,
        array_agg(l.seat_no) AS seat_nos,
        array_agg(l.states::text) AS states
    FROM locked AS l
),

listed AS (
    SELECT array_agg(b.bus_id) AS buses, array_agg(b.facts) AS facts, array_agg(b.status) AS statuses
    FROM buses AS b
    WHERE b.bus_id = any($3::bigint[])
),

known AS (
    SELECT
        array_agg(k.bus_id) AS key_buses,
        array_agg(k.key_hash) AS key_hashes,
        array_agg(k.request_hash) AS key_requests,
        array_agg(k.status) AS key_statuses,
        array_agg(k.response) AS key_responses
    FROM unnest($4::bigint[], $5::uuid[]) AS w (bus_id, key_hash)
    INNER JOIN idempotency_keys AS k ON k.bus_id = w.bus_id AND k.key_hash = w.key_hash
)

SELECT gathered.*, listed.*, known.*, clock_timestamp() AS now
FROM gathered
CROSS JOIN listed
CROSS JOIN known;

-- name: seats_of_owners
-- Looked up before anything is locked: the seats of holds ($1, $2) and of bookings ($3, $4).
SELECT h.bus_id, unnest(h.seats) AS seat_no
FROM unnest($1::bigint[], $2::uuid[]) AS w (bus_id, hold_id)
INNER JOIN holds AS h ON h.bus_id = w.bus_id AND h.hold_id = w.hold_id
UNION
SELECT b.bus_id, unnest(b.seats) AS seat_no
FROM unnest($3::bigint[], $4::bigint[]) AS w (bus_id, booking_id)
INNER JOIN bookings AS b ON b.bus_id = w.bus_id AND b.booking_id = w.booking_id;

-- name: lock_holds
-- After the seats: $1 buses, $2 holds.
SELECT
    h.bus_id, h.hold_id, h.state AS hold_state, h.user_id, h.from_idx, h.to_idx, h.seats, h.prices, h.created_at,
    h.expires_at, h.buyer, h.network, h.is_extended, clock_timestamp() AS now
FROM unnest($1::bigint[], $2::uuid[]) AS w (bus_id, hold_id)
INNER JOIN holds AS h ON h.bus_id = w.bus_id AND h.hold_id = w.hold_id
ORDER BY h.bus_id, h.hold_id
FOR UPDATE OF h;

-- name: lock_bookings
-- After the seats and the holds: $1 buses, $2 bookings.
SELECT b.bus_id, b.booking_id, b.expires_at, clock_timestamp() AS now
FROM unnest($1::bigint[], $2::bigint[]) AS w (bus_id, booking_id)
INNER JOIN bookings AS b ON b.bus_id = w.bus_id AND b.booking_id = w.booking_id
ORDER BY b.bus_id, b.booking_id
FOR UPDATE OF b;

-- name: find_claims
-- Whose seats are and until when; asked after the seats are locked, so nobody else can change it: $1 and $2 seats.
SELECT
    c.bus_id, c.seat_no, c.segment, c.hold_id, c.block_id, coalesce(direct.booking_id, held.booking_id) AS booking_id,
    CASE WHEN h.state = 'ACTIVE' THEN h.expires_at ELSE coalesce(direct.expires_at, held.expires_at) END AS expires_at
FROM unnest($1::bigint[], $2::smallint[]) AS w (bus_id, seat_no)
INNER JOIN claims AS c ON c.bus_id = w.bus_id AND c.seat_no = w.seat_no
LEFT JOIN holds AS h ON h.bus_id = c.bus_id AND h.hold_id = c.hold_id
LEFT JOIN bookings AS direct ON direct.bus_id = c.bus_id AND direct.booking_id = c.booking_id
LEFT JOIN bookings AS held ON held.bus_id = c.bus_id AND held.hold_id = c.hold_id;

-- name: find_answers
-- Before a refusal is stored: was it our own success that took the seat? $1 buses, $2 keys.
SELECT k.bus_id, k.key_hash, k.request_hash, k.status, k.response
FROM unnest($1::bigint[], $2::uuid[]) AS w (bus_id, key_hash)
INNER JOIN idempotency_keys AS k ON k.bus_id = w.bus_id AND k.key_hash = w.key_hash;

-- name: give_up_claims
-- Before any claim is added: $1 buses, $2 seats, $3 and $4 legs.
DELETE FROM claims AS c
USING unnest($1::bigint[], $2::smallint[], $3::smallint[], $4::smallint[]) AS w (bus_id, seat_no, from_idx, to_idx)
WHERE c.bus_id = w.bus_id AND c.seat_no = w.seat_no AND c.segment >= w.from_idx AND c.segment < w.to_idx;

-- name: add_holds
INSERT INTO holds (
    bus_id, operator_id, hold_id, user_id, seats, from_idx, to_idx, prices, created_at, expires_at, buyer, network,
    part_of
)
SELECT
    w.bus_id, w.operator_id, w.hold_id, w.user_id, w.seats::smallint[], w.from_idx, w.to_idx, w.prices::integer[],
    w.created_at, w.expires_at, w.buyer, w.network, w.part_of
FROM unnest(
    $1::bigint[], $2::integer[], $3::uuid[], $4::bigint[], $5::text[], $6::smallint[], $7::smallint[],
    $8::text[], $9::timestamptz[], $10::timestamptz[], $11::uuid[], $12::uuid[], $13::uuid[]
) AS w (
    bus_id, operator_id, hold_id, user_id, seats, from_idx, to_idx, prices, created_at, expires_at, buyer, network,
    part_of
);

-- name: change_holds
-- Another set of seats or another deadline.
UPDATE holds AS h
SET
    seats = w.seats::smallint[], prices = w.prices::integer[], expires_at = w.expires_at,
    is_extended = w.is_extended
FROM
    unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::boolean[])
        AS w (bus_id, hold_id, seats, prices, expires_at, is_extended)
WHERE h.bus_id = w.bus_id AND h.hold_id = w.hold_id;

-- name: end_holds
-- From where they were made is forgotten with them.
UPDATE holds AS h SET state = w.state, ended_at = w.ended_at, network = NULL
FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::timestamptz[]) AS w (bus_id, hold_id, state, ended_at)
WHERE h.bus_id = w.bus_id AND h.hold_id = w.hold_id;

-- name: set_held
UPDATE buyer_holds AS h SET seats_held = w.seats_held, holds_held = w.holds_held
FROM unnest($1::bigint[], $2::uuid[], $3::smallint[], $4::smallint[]) AS w (bus_id, buyer, seats_held, holds_held)
WHERE h.bus_id = w.bus_id AND h.buyer = w.buyer;

-- name: add_bookings
INSERT INTO bookings (
    bus_id, operator_id, booking_id, ref, status, user_id, sold_by, hold_id, from_idx, to_idx, seats, prices, names,
    categories, method, email, phone, created_at, expires_at, confirmed_at, buyer, network, rules_id
)
SELECT
    w.bus_id, w.operator_id, w.booking_id, w.ref, w.status, w.user_id, w.sold_by, w.hold_id, w.from_idx, w.to_idx,
    w.seats::smallint[], w.prices::integer[], w.names::text[], w.categories::text[], w.method, w.email, w.phone,
    w.created_at, w.expires_at, w.confirmed_at, w.buyer, w.network, w.rules_id
FROM unnest(
    $1::bigint[], $2::integer[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::uuid[],
    $9::smallint[], $10::smallint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
    $16::text[], $17::text[], $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::uuid[], $22::uuid[],
    $23::bigint[]
) AS w (
    bus_id, operator_id, booking_id, ref, status, user_id, sold_by, hold_id, from_idx, to_idx, seats, prices, names,
    categories, method, email, phone, created_at, expires_at, confirmed_at, buyer, network, rules_id
);

-- name: set_locales
-- Of those few buyers who read another language than the operator writes: all others cost nothing for it.
UPDATE bookings AS b SET locale = w.locale
FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS w (bus_id, booking_id, locale)
WHERE b.bus_id = w.bus_id AND b.booking_id = w.booking_id;

-- name: move_bookings
-- From one status to another: confirmed, cancelled, expired, failed.
UPDATE bookings AS b
SET
    status = w.status, expires_at = w.expires_at, confirmed_at = w.confirmed_at, ended_at = w.ended_at,
    network = NULL
FROM
    unnest(
        $1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[]
    ) AS w (bus_id, booking_id, status, expires_at, confirmed_at, ended_at)
WHERE b.bus_id = w.bus_id AND b.booking_id = w.booking_id;

-- name: add_payments
-- What was captured is posted with it: no writer of a payment can forget the books.
WITH paid AS (
    INSERT INTO payments (
        bus_id, operator_id, payment_id, booking_id, method, status, amount, created_at, settled_at, device_id,
        provider_ref, taken_by
    )
    SELECT
        w.bus_id, w.operator_id, w.payment_id, w.booking_id, w.method, w.status, w.amount, w.settled_at AS created_at,
        w.settled_at, w.device_id, w.provider_ref, w.taken_by
    FROM
        unnest(
            $1::bigint[], $2::integer[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::bigint[],
            $8::timestamptz[], $9::bigint[], $10::text[], $11::bigint[]
        ) AS w (
            bus_id, operator_id, payment_id, booking_id, method, status, amount, settled_at, device_id, provider_ref,
            taken_by
        )
    RETURNING bus_id, operator_id, payment_id, method, status, amount, created_at
)

INSERT INTO postings (bus_id, operator_id, group_id, payment_id, account, amount, created_at)
SELECT p.bus_id, p.operator_id, p.payment_id AS group_id, p.payment_id, line.account, line.amount, p.created_at
FROM paid AS p
CROSS JOIN
    unnest(
        ARRAY[CASE p.method WHEN 'cash' THEN 'cash_drawer' ELSE 'provider_clearing' END, 'sales'],
        ARRAY[p.amount, -p.amount]
    ) AS line (account, amount)
WHERE p.status IN ('SUCCEEDED', 'RETURNED') AND p.amount > 0;

-- name: add_foreign_payments
-- What was captured in another currency ($11) than the bus is sold in: never a sale. It is posted in its own currency.
WITH paid AS (
    INSERT INTO payments (
        bus_id, operator_id, payment_id, booking_id, method, status, amount, created_at, settled_at, device_id,
        provider_ref, currency
    )
    SELECT
        w.bus_id, w.operator_id, w.payment_id, w.booking_id, w.method, w.status, w.amount, w.settled_at AS created_at,
        w.settled_at, w.device_id, w.provider_ref, w.currency
    FROM
        unnest(
            $1::bigint[], $2::integer[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::bigint[],
            $8::timestamptz[], $9::bigint[], $10::text[], $11::text[]
        ) AS w (
            bus_id, operator_id, payment_id, booking_id, method, status, amount, settled_at, device_id, provider_ref,
            currency
        )
    RETURNING bus_id, operator_id, payment_id, amount, created_at
)

INSERT INTO postings (bus_id, operator_id, group_id, payment_id, account, amount, created_at)
SELECT p.bus_id, p.operator_id, p.payment_id AS group_id, p.payment_id, line.account, line.amount, p.created_at
FROM paid AS p
CROSS JOIN LATERAL (VALUES ('provider_clearing', p.amount), ('sales', -p.amount)) AS line (account, amount)
WHERE p.amount > 0;

-- name: add_tickets
INSERT INTO tickets (bus_id, operator_id, booking_id, seat_no, code, issued_at)
SELECT w.bus_id, w.operator_id, w.booking_id, w.seat_no, w.code, w.issued_at
FROM unnest(
    $1::bigint[], $2::integer[], $3::bigint[], $4::smallint[], $5::uuid[], $6::timestamptz[]
) AS w (bus_id, operator_id, booking_id, seat_no, code, issued_at);

-- name: reseat_bookings
-- Somebody of each sits elsewhere now.
UPDATE bookings AS b SET seats = w.seats::smallint[]
FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS w (bus_id, booking_id, seats)
WHERE b.bus_id = w.bus_id AND b.booking_id = w.booking_id;

-- name: move_tickets
-- By their codes ($2), for that is what stays. Scans name the seat of their ticket, and go with it in the same
-- statement: between two of them one would be of no ticket.
WITH moved AS (
    UPDATE tickets AS t
    SET
        seat_no = w.seat_no, moved_at = w.moved_at,
        former_seats = array_append(coalesce(t.former_seats, ARRAY[]::smallint[]), t.seat_no)
    FROM unnest($1::bigint[], $2::uuid[], $3::smallint[], $4::timestamptz[]) AS w (bus_id, code, seat_no, moved_at)
    WHERE t.bus_id = w.bus_id AND t.code = w.code
)

UPDATE scans AS s SET seat_no = w.seat_no
FROM unnest($1::bigint[], $2::uuid[], $3::smallint[]) AS w (bus_id, code, seat_no)
INNER JOIN tickets AS t ON t.bus_id = w.bus_id AND t.code = w.code
WHERE s.bus_id = w.bus_id AND s.booking_id = t.booking_id AND s.seat_no = t.seat_no;

-- name: void_tickets
UPDATE tickets AS t SET status = 'CANCELLED', cancelled_at = w.cancelled_at
FROM
    unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::timestamptz[])
        AS w (bus_id, booking_id, seat_no, cancelled_at)
WHERE t.bus_id = w.bus_id AND t.booking_id = w.booking_id AND t.seat_no = w.seat_no;

-- name: release_tickets
-- Nobody has come with them.
UPDATE tickets AS t SET status = 'NO_SHOW', no_show_at = w.no_show_at
FROM
    unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::timestamptz[])
        AS w (bus_id, booking_id, seat_no, no_show_at)
WHERE t.bus_id = w.bus_id AND t.booking_id = w.booking_id AND t.seat_no = w.seat_no;

-- name: add_refunds
-- What is to go back is posted with it.
WITH owed AS (
    INSERT INTO refunds (bus_id, operator_id, refund_id, payment_id, amount, seats, created_at)
    SELECT w.bus_id, w.operator_id, w.refund_id, w.payment_id, w.amount, w.seats::smallint[], w.created_at
    FROM
        unnest(
            $1::bigint[], $2::integer[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::timestamptz[]
        ) AS w (bus_id, operator_id, refund_id, payment_id, amount, seats, created_at)
    RETURNING bus_id, operator_id, refund_id, payment_id, amount, created_at
)

INSERT INTO postings (bus_id, operator_id, group_id, payment_id, account, amount, created_at)
SELECT r.bus_id, r.operator_id, r.refund_id AS group_id, r.payment_id, line.account, line.amount, r.created_at
FROM owed AS r
CROSS JOIN LATERAL (VALUES ('sales', r.amount), ('refunds_due', -r.amount)) AS line (account, amount);

-- name: add_blocks
INSERT INTO blocks (bus_id, operator_id, block_id, seats, from_idx, to_idx, reason, created_by, created_at)
SELECT
    w.bus_id, w.operator_id, w.block_id, w.seats::smallint[], w.from_idx, w.to_idx, w.reason, w.created_by, w.created_at
FROM unnest(
    $1::bigint[], $2::integer[], $3::uuid[], $4::text[], $5::smallint[], $6::smallint[], $7::text[],
    $8::bigint[], $9::timestamptz[]
) AS w (bus_id, operator_id, block_id, seats, from_idx, to_idx, reason, created_by, created_at);

-- name: lift_blocks
UPDATE blocks AS b SET lifted_at = w.lifted_at
FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[]) AS w (bus_id, block_id, lifted_at)
WHERE b.bus_id = w.bus_id AND b.block_id = w.block_id;

-- name: add_audit
INSERT INTO audit_log (operator_id, actor_id, action, subject, detail)
SELECT w.operator_id, w.actor_id, w.action, w.subject, w.detail::jsonb
FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::text[], $5::text[])
    AS w (operator_id, actor_id, action, subject, detail);

-- name: add_jobs
INSERT INTO jobs (bus_id, booking_id, job_id, operator_id, kind, detail, due_at, created_at)
SELECT w.bus_id, w.booking_id, w.job_id, w.operator_id, w.kind, w.detail::jsonb, w.due_at, w.created_at
FROM unnest(
    $1::bigint[], $2::bigint[], $3::uuid[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[]
) AS w (bus_id, booking_id, job_id, operator_id, kind, detail, due_at, created_at);

-- name: write_tail
-- Seats ($1-$3), claims ($4-$11), answers ($12-$17); then the bus rows, locked in order and last ($18-$21), and one
-- event for every revision ($22-$26). A bus that was edited or went off sale meanwhile gives no row back.
WITH shown AS (
    UPDATE seats AS s SET states = w.states
    FROM unnest($1::bigint[], $2::smallint[], $3::text[]) AS w (bus_id, seat_no, states)
    WHERE s.bus_id = w.bus_id AND s.seat_no = w.seat_no
),

claimed AS (
    INSERT INTO claims (bus_id, operator_id, seat_no, segment, hold_id, booking_id, block_id)
    SELECT w.bus_id, w.operator_id, w.seat_no, place.segment, w.hold_id, w.booking_id, w.block_id
    FROM
        unnest(
            $4::bigint[], $5::integer[], $6::smallint[], $7::smallint[], $8::smallint[], $9::uuid[], $10::bigint[],
            $11::uuid[]
        ) AS w (bus_id, operator_id, seat_no, from_idx, to_idx, hold_id, booking_id, block_id)
    CROSS JOIN LATERAL generate_series(w.from_idx::integer, w.to_idx - 1) AS place (segment)
),

answered AS (
    INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
    SELECT w.bus_id, w.operator_id, w.key_hash, w.request_hash, w.status, w.response
    FROM unnest($12::bigint[], $13::integer[], $14::uuid[], $15::uuid[], $16::smallint[], $17::bytea[])
        AS w (bus_id, operator_id, key_hash, request_hash, status, response)
),

locked AS MATERIALIZED (
    SELECT b.bus_id FROM buses AS b
    WHERE b.bus_id = any($18::bigint[])
    ORDER BY b.bus_id
    FOR NO KEY UPDATE OF b
),

moved AS (
    UPDATE buses AS b SET rev = b.rev + w.events
    FROM locked
    INNER JOIN
        unnest($18::bigint[], $19::integer[], $20::integer[], $21::boolean[])
            AS w (bus_id, events, facts, is_sale)
        ON w.bus_id = locked.bus_id
    WHERE b.bus_id = locked.bus_id AND b.facts = w.facts AND (b.status = 'SCHEDULED' OR NOT w.is_sale)
    RETURNING b.bus_id, b.operator_id, b.epoch, b.rev - w.events AS rev_before
)

INSERT INTO events (bus_id, operator_id, epoch, rev, kind, seats, at)
SELECT m.bus_id, m.operator_id, m.epoch, m.rev_before + w.place, w.kind, w.seats, w.at
FROM
    unnest($22::bigint[], $23::integer[], $24::text[], $25::text[], $26::timestamptz[])
        AS w (bus_id, place, kind, seats, at)
INNER JOIN moved AS m ON m.bus_id = w.bus_id
RETURNING bus_id, rev, epoch;

-- name: write_answers
-- When nothing changed but answers: $1-$6.
INSERT INTO idempotency_keys (bus_id, operator_id, key_hash, request_hash, status, response)
SELECT w.bus_id, w.operator_id, w.key_hash, w.request_hash, w.status, w.response
FROM unnest($1::bigint[], $2::integer[], $3::uuid[], $4::uuid[], $5::smallint[], $6::bytea[])
    AS w (bus_id, operator_id, key_hash, request_hash, status, response);
