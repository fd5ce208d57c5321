-- Who was let in is let out at once: ended sessions that every process hears of, second factors, keys in turn.
-- timeout: 60s
-- squawk-ignore-file require-concurrent-index-creation

-- Sessions that are over while access tokens of theirs may still look good. Kept for a quarter of an hour.
CREATE TABLE session_ends (
    family uuid NOT NULL,
    user_id bigint NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT session_ends_pkey PRIMARY KEY (family)
);
CREATE INDEX session_ends_at_idx ON session_ends (ended_at);
GRANT SELECT, INSERT, DELETE ON session_ends TO omnibus_app;

-- One for each user, and of use once it is confirmed. The secret is sealed with a house key; `last_step` is the last
-- half minute whose code was accepted, so that none is accepted twice.
CREATE TABLE second_factors (
    user_id bigint NOT NULL,
    sealed_secret text NOT NULL
    CONSTRAINT second_factors_sealed_secret_check CHECK (octet_length(sealed_secret) <= 1024),
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    confirmed_at timestamptz,
    last_step bigint NOT NULL DEFAULT 0,
    failures smallint NOT NULL DEFAULT 0 CONSTRAINT second_factors_failures_check CHECK (failures BETWEEN 0 AND 4),
    locked_until timestamptz,
    CONSTRAINT second_factors_pkey PRIMARY KEY (user_id),
    CONSTRAINT second_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users
);
GRANT SELECT, INSERT, DELETE ON second_factors TO omnibus_app;
GRANT UPDATE (sealed_secret, begun_at, confirmed_at, last_step, failures, locked_until)
ON second_factors TO omnibus_app;

-- For whoever has lost their telephone: digests, good for one use.
CREATE TABLE recovery_codes (
    user_id bigint NOT NULL,
    digest bytea NOT NULL CONSTRAINT recovery_codes_digest_check CHECK (octet_length(digest) = 32),
    used_at timestamptz,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, digest),
    CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES second_factors ON DELETE CASCADE
);
GRANT SELECT, INSERT, DELETE ON recovery_codes TO omnibus_app;
GRANT UPDATE (used_at) ON recovery_codes TO omnibus_app;

-- A new key verifies from the start and signs once every process has heard of it.
ALTER TABLE house_keys ADD COLUMN signs_at timestamptz NOT NULL DEFAULT now();
GRANT UPDATE (signs_at) ON house_keys TO omnibus_app;

-- An operator's own people, page by page.
CREATE INDEX users_operator_idx ON users (operator_id, user_id) WHERE operator_id IS NOT NULL;
