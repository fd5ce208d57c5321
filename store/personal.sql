-- name: read_account
SELECT
    u.user_id, u.name, u.email, u.role, u.operator_id, u.created_at, u.email_verified_at, u.disabled_at,
    u.locale
FROM users AS u
WHERE u.user_id = $1;

-- name: list_sessions
-- By their first token: when it began, when it was last used, until when it may last, and when it ended.
SELECT
    min(r.issued_at) AS started_at, max(r.issued_at) AS last_used_at, max(r.family_expires_at) AS expires_at,
    CASE WHEN count(*) FILTER (WHERE r.revoked_at IS NULL) = 0 THEN max(r.revoked_at) END AS ended_at
FROM refresh_tokens AS r
WHERE r.user_id = $1
GROUP BY r.family
ORDER BY started_at;

-- name: list_holds
-- What a buyer held, by the number that holds know them by.
SELECT
    h.bus_id, h.state, h.created_at, h.expires_at, h.ended_at,
    (
        SELECT array_agg(s.label ORDER BY s.seat_no)
        FROM layout_seats AS s
        WHERE s.layout_id = b.layout_id AND s.seat_no = any(h.seats)
    )::text[] AS seats
FROM holds AS h
INNER JOIN buses AS b ON b.bus_id = h.bus_id
WHERE h.buyer = $1
ORDER BY h.created_at, h.bus_id, h.hold_id;

-- name: list_boardings
-- When passengers of one's bookings boarded.
SELECT
    s.bus_id, b.ref,
    (
        SELECT l.label FROM buses AS u
        INNER JOIN layout_seats AS l ON l.layout_id = u.layout_id
        WHERE u.bus_id = s.bus_id AND l.seat_no = s.seat_no
    )::text AS seat,
    s.scanned_at AS boarded_at
FROM bookings AS b
INNER JOIN scans AS s ON s.bus_id = b.bus_id AND s.booking_id = b.booking_id
WHERE b.user_id = $1 AND s.verdict = 'ok' AND s.undone_at IS NULL
ORDER BY s.scanned_at, s.bus_id, s.seat_no;

-- name: list_deeds
SELECT a.at, a.operator_id, a.action, a.subject, a.detail::text AS detail
FROM audit_log AS a
WHERE a.actor_id = $1
ORDER BY a.at, a.audit_id;

-- name: list_mails
SELECT m.template, m.recipient, m.state, m.created_at, m.sent_at
FROM mails AS m
WHERE m.user_id = $1
ORDER BY m.created_at, m.mail_id;

-- name: trips_ahead
-- Paid for, or about to be, and not over: the bus has not arrived where its way ends.
SELECT b.ref
FROM bookings AS b
INNER JOIN buses AS u ON u.bus_id = b.bus_id
WHERE
    b.user_id = $1 AND u.arrives_at > clock_timestamp()
    AND (
        b.status IN ('CONFIRMED', 'PARTIALLY_CANCELLED')
        OR (b.status = 'PENDING' AND b.expires_at > clock_timestamp())
    )
ORDER BY b.created_at
LIMIT $2;

-- name: list_places
SELECT b.bus_id, b.ref FROM bookings AS b WHERE b.user_id = $1;

-- name: blank_bookings
-- Who travelled and how to reach them; what was sold, for how much and to which number stays: $1 user, $2 the blank.
UPDATE bookings AS b
SET names = array_fill($2::text, ARRAY[cardinality(b.names)])::person_name[], email = NULL, phone = NULL
WHERE
    b.user_id = $1
    AND (b.email IS NOT NULL OR b.phone IS NOT NULL OR $2::text <> all(b.names::text[]));

-- name: blank_jobs
-- What was in the way of a job is told in words that are not ours, and may name whom it was about. That there was
-- something stays, for the order of jobs goes by it.
UPDATE jobs AS j SET last_error = $2
FROM bookings AS b
WHERE b.user_id = $1 AND j.bus_id = b.bus_id AND j.booking_id = b.booking_id AND j.last_error IS NOT NULL;

-- name: forget_answers
-- Answers that are kept for requests that come again hold what the booking held: $1 buses and $2 refs, side by side.
SELECT forget_answers($1::bigint[], $2::text[]);

-- name: forget_mails
DELETE FROM mails
WHERE
    user_id = $1
    OR (user_id IS NULL AND about_bus IS NULL AND template = $3 AND lower(recipient) = lower($2));

-- name: forget_tokens
WITH codes AS (
    DELETE FROM recovery_codes WHERE user_id = $1
),

factors AS (
    DELETE FROM second_factors WHERE user_id = $1
)

DELETE FROM mailed_tokens WHERE user_id = $1;

-- name: erase_user
-- Nobody can sign in with this hash, nor write to this address; staff it was is staff no more.
UPDATE users
SET
    name = $2, email = $3, password_hash = '!', role = 'rider', operator_id = NULL, email_verified_at = NULL,
    locale = NULL,
    disabled_at = clock_timestamp(), erased_at = clock_timestamp()
WHERE user_id = $1;
