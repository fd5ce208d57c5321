-- The life of an account: an address that is shown to be theirs, mails that are to leave, what a mailed link proves.
-- timeout: 1min
-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation

ALTER TABLE users
ADD COLUMN email_verified_at timestamptz,
ADD COLUMN erased_at timestamptz,
ADD CONSTRAINT users_erased_cannot_enter CHECK (erased_at IS NULL OR disabled_at IS NOT NULL);
GRANT UPDATE (email_verified_at, erased_at) ON users TO omnibus_app;

-- Written with what causes it, sent by a worker. Nothing secret lies here: a link's token is made when its mail leaves.
-- Without a user: somebody has asked for a way in by this address, and nobody has looked yet whose it is.
CREATE TABLE mails (
    mail_id uuid NOT NULL,
    user_id bigint,
    template text NOT NULL CHECK (template ~ '^[a-z_]{3,40}$'),
    recipient text NOT NULL CHECK (
        char_length(recipient) BETWEEN 3 AND 254 AND recipient !~ '[[:cntrl:][:space:]]'
    ),
    parameters jsonb NOT NULL DEFAULT '{}' CHECK (octet_length(parameters::text) <= 2048),
    state text NOT NULL DEFAULT 'QUEUED' CHECK (state IN ('QUEUED', 'SENT', 'FAILED')),
    attempts smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    last_error text CHECK (char_length(last_error) <= 300),
    CONSTRAINT mails_pkey PRIMARY KEY (mail_id),
    FOREIGN KEY (user_id) REFERENCES users,
    CONSTRAINT mails_state_shape CHECK ((state = 'SENT') = (sent_at IS NOT NULL))
);
CREATE INDEX mails_due_idx ON mails (due_at) WHERE state = 'QUEUED';
CREATE INDEX mails_created_idx ON mails (created_at);
CREATE INDEX mails_user_idx ON mails (user_id, created_at) WHERE user_id IS NOT NULL;
-- Whoever asks again while the first time still waits has asked once.
CREATE UNIQUE INDEX mails_one_waits_for_its_user ON mails (template, lower(recipient)) WHERE user_id IS NULL;
GRANT SELECT, INSERT, DELETE ON mails TO omnibus_app;
GRANT UPDATE (user_id, recipient, state, attempts, due_at, sent_at, last_error) ON mails TO omnibus_app;

-- Digests of the secrets that mails carried: whoever shows one reads the mail of `email`.
CREATE TABLE mailed_tokens (
    digest bytea NOT NULL CHECK (octet_length(digest) = 32),
    purpose text NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
    user_id bigint NOT NULL,
    email text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254 AND email !~ '[[:cntrl:][:space:]]'),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT mailed_tokens_pkey PRIMARY KEY (digest),
    FOREIGN KEY (user_id) REFERENCES users,
    CONSTRAINT mailed_tokens_lifetime CHECK (expires_at > created_at)
);
CREATE INDEX mailed_tokens_user_idx ON mailed_tokens (user_id, created_at);
CREATE INDEX mailed_tokens_expiry_idx ON mailed_tokens (expires_at);
GRANT SELECT, INSERT, DELETE ON mailed_tokens TO omnibus_app;
GRANT UPDATE (expires_at, used_at) ON mailed_tokens TO omnibus_app;

-- What somebody has done, for whoever asks what is known of them.
CREATE INDEX audit_log_actor_idx ON audit_log (actor_id, at) WHERE actor_id IS NOT NULL;

-- What has ended stays as it ended, but for the words about people: contacts may go, and names be blanked.
CREATE OR REPLACE FUNCTION refuse_illegal_booking_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.status = new.status AND old.status IN ('PENDING', 'CONFIRMED', 'PARTIALLY_CANCELLED') THEN
        RETURN new;
    END IF;
    IF (old.status, new.status) NOT IN (
        ('PENDING', 'CONFIRMED'), ('PENDING', 'CANCELLED'), ('PENDING', 'EXPIRED'), ('PENDING', 'FAILED'),
        ('CONFIRMED', 'CANCELLED'), ('CONFIRMED', 'PARTIALLY_CANCELLED'), ('PARTIALLY_CANCELLED', 'CANCELLED')
    ) THEN
        IF old.status = new.status AND new.email IS NULL AND new.phone IS NULL AND new IS DISTINCT FROM old
            AND to_jsonb(new) - ARRAY['names', 'email', 'phone'] = to_jsonb(old) - ARRAY['names', 'email', 'phone'] THEN
            RETURN new;
        END IF;
        RAISE EXCEPTION 'booking % cannot go from % to %', old.ref, old.status, new.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bookings_legal_move';
    END IF;
    RETURN new;
END
$$;
