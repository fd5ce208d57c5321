-- name: queue
-- In the language of the account: $1 mail, $2 user, $3 template, $4 address.
INSERT INTO mails (mail_id, user_id, template, recipient, locale)
SELECT $1, u.user_id, $3, $4, u.locale
FROM users AS u
WHERE u.user_id = $2;

-- name: queue_unresolved
-- Whose address it is, is looked up later and elsewhere: $1 id, $2 template, $3 address, $4 how many may wait.
WITH room AS (
    SELECT count(*) < $4::integer AS is_left
    FROM (SELECT FROM mails AS m WHERE m.state = 'QUEUED' LIMIT $4::integer) AS waiting
),

asked AS (
    INSERT INTO mails (mail_id, template, recipient)
    SELECT $1, $2, $3 FROM room WHERE room.is_left
    ON CONFLICT (template, lower(recipient)) WHERE user_id IS NULL AND about_bus IS NULL DO NOTHING
)

SELECT room.is_left FROM room;

-- name: give_up
-- Whose workers never came back to say what became of it: $1 times.
UPDATE mails SET state = 'FAILED', last_error = coalesce(last_error, 'no worker got to its end')
WHERE state = 'QUEUED' AND due_at <= clock_timestamp() AND attempts >= $1::integer;

-- name: take
-- Mails that are due, each for one worker: whoever takes one has it until its next due time. $1 how many, $2 how long.
UPDATE mails AS m
SET attempts = m.attempts + 1, due_at = clock_timestamp() + $2::interval
FROM (
    SELECT q.mail_id FROM mails AS q
    WHERE q.state = 'QUEUED' AND q.due_at <= clock_timestamp()
    ORDER BY q.due_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
) AS due
WHERE m.mail_id = due.mail_id
RETURNING m.mail_id;

-- name: resolve
-- Of the mails $1 that have no user yet, those whose address is somebody's who has had fewer than $3 since $2 ago.
-- The mail goes to the address as the account has it, however it was typed.
WITH known AS (
    SELECT q.mail_id, u.user_id, u.email, u.locale
    FROM mails AS q
    INNER JOIN users AS u ON lower(u.email) = lower(q.recipient) AND u.disabled_at IS NULL
    WHERE
        q.mail_id = any($1::uuid[]) AND q.user_id IS NULL AND q.about_bus IS NULL
        AND (
            SELECT count(*) FROM mails AS earlier
            WHERE
                earlier.user_id = u.user_id AND earlier.template = q.template
                AND earlier.created_at > clock_timestamp() - $2::interval
        ) < $3::integer
)

UPDATE mails AS m SET user_id = k.user_id, recipient = k.email, locale = k.locale
FROM known AS k
WHERE m.mail_id = k.mail_id;

-- name: drop_unresolved
DELETE FROM mails WHERE mail_id = any($1::uuid[]) AND user_id IS NULL AND about_bus IS NULL;

-- name: read
SELECT
    m.mail_id, m.user_id, m.template, m.recipient, m.parameters::text AS parameters, m.attempts, m.created_at,
    m.locale, m.about_bus, m.about_booking
FROM mails AS m
WHERE m.mail_id = any($1::uuid[]);

-- name: mark_sent
UPDATE mails SET state = 'SENT', sent_at = clock_timestamp(), last_error = NULL
WHERE mail_id = $1 AND state = 'QUEUED';

-- name: put_off
-- $1 mail, $2 what was in the way, $3 until when, $4 after how many times it is given up.
UPDATE mails
SET
    state = CASE WHEN attempts >= $4::integer THEN 'FAILED' ELSE 'QUEUED' END,
    due_at = clock_timestamp() + $3::interval,
    last_error = $2
WHERE mail_id = $1 AND state = 'QUEUED';

-- name: bury
UPDATE mails SET state = 'FAILED', last_error = $2
WHERE mail_id = $1 AND state = 'QUEUED';

-- name: drop
DELETE FROM mails
WHERE mail_id = $1 AND state = 'QUEUED';

-- name: list_mails
SELECT
    m.mail_id, m.template, m.recipient, m.state, m.attempts, m.created_at, m.due_at, m.sent_at, m.last_error
FROM mails AS m
ORDER BY m.created_at DESC
LIMIT $1;

-- name: retry
UPDATE mails
SET
    state = CASE WHEN state = 'SENT' THEN state ELSE 'QUEUED' END,
    attempts = CASE WHEN state = 'SENT' THEN attempts ELSE 0 END,
    due_at = CASE WHEN state = 'SENT' THEN due_at ELSE clock_timestamp() END
WHERE mail_id = $1
RETURNING state;

-- name: count_recent
-- $1 user, $2 templates, $3 how far back.
SELECT count(*) FROM mails AS m
WHERE
    m.user_id = $1 AND m.template = any($2::text[]) AND m.created_at > clock_timestamp() - $3::interval;

-- name: drop_queued
-- $1 user, $2 templates.
DELETE FROM mails WHERE user_id = $1 AND template = any($2::text[]) AND state <> 'SENT';

-- name: purge
-- $1 age, $2 at a time.
DELETE FROM mails
WHERE mail_id IN (SELECT m.mail_id FROM mails AS m WHERE m.created_at < clock_timestamp() - $1::interval LIMIT $2);
