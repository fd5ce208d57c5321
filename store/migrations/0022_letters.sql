-- Mails about bookings, and the languages that people read.
-- timeout: 1min
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation
-- squawk-ignore-file require-concurrent-index-deletion, prefer-robust-stmts

-- The language of somebody's account, of a booking if its buyer named one, and of an operator for all who named none.
-- Which there are texts in is the program's to know.
ALTER TABLE users
ADD COLUMN locale text, ADD CONSTRAINT users_locale_check CHECK (locale ~ '^[a-z]{2}$');
ALTER TABLE bookings
ADD COLUMN locale text, ADD CONSTRAINT bookings_locale_check CHECK (locale ~ '^[a-z]{2}$');
ALTER TABLE operators
ADD COLUMN locale text NOT NULL DEFAULT 'en', ADD CONSTRAINT operators_locale_check CHECK (locale ~ '^[a-z]{2}$');
GRANT UPDATE (locale) ON users, bookings, operators TO omnibus_app;
GRANT SELECT (locale) ON users TO omnibus_worker;
GRANT SELECT (locale) ON bookings TO omnibus_readonly;

-- A mail is about an account or about a booking. Of a booking only the number is kept: what the mail says is read when
-- it leaves, and is nobody's to find here. The bus is not called `bus_id`: mails lie together, not with their buses.
ALTER TABLE mails
ADD COLUMN locale text CHECK (locale ~ '^[a-z]{2}$'),
ADD COLUMN about_bus bigint,
ADD COLUMN about_booking bigint,
ADD CONSTRAINT mails_about_whole CHECK ((about_bus IS NULL) = (about_booking IS NULL));
-- Whose address it is, is looked up for those that name neither.
DROP INDEX mails_one_waits_for_its_user;
CREATE UNIQUE INDEX mails_one_waits_for_its_user ON mails (template, lower(recipient))
WHERE user_id IS NULL AND about_bus IS NULL;

GRANT UPDATE (locale) ON mails TO omnibus_app, omnibus_worker;
-- Whoever does what comes of a booking queues the mail of it, and reads who is on board.
GRANT INSERT ON mails TO omnibus_worker;
GRANT SELECT (bus_id, booking_id, seat_no, verdict) ON scans TO omnibus_worker;
