-- What the invariant queries found last: written by whoever asks them, read by every process that is asked how it goes.
-- timeout: 10s

CREATE TABLE invariant_checks (
    name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_]{1,62}$'),
    violations integer NOT NULL CHECK (violations >= 0),
    -- Where it was broken, so that the next round looks there again.
    bus_ids bigint[] NOT NULL CHECK (cardinality(bus_ids) <= 1000),
    checked_at timestamptz NOT NULL,
    CONSTRAINT invariant_checks_pkey PRIMARY KEY (name)
);
GRANT SELECT, INSERT ON invariant_checks TO omnibus_app;
GRANT UPDATE (violations, bus_ids, checked_at) ON invariant_checks TO omnibus_app;
