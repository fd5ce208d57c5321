-- The outbox of jobs: what happened to a booking and is to be told outside, written by what made it happen.
-- timeout: 1min

-- One narrow row an event: what comes of it fans out in the worker. Never looked at by whoever sells.
CREATE TABLE jobs (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    -- Its first digits are the time, so of two jobs of a booking the smaller number came first.
    job_id uuid NOT NULL,
    operator_id integer NOT NULL,
    kind text NOT NULL CHECK (kind ~ '^[A-Z_]{3,30}$'),
    detail jsonb NOT NULL DEFAULT '{}' CHECK (octet_length(detail::text) <= 4096),
    state text NOT NULL DEFAULT 'QUEUED' CHECK (state IN ('QUEUED', 'DONE', 'DEAD')),
    attempts smallint NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    due_at timestamptz NOT NULL,
    -- Who works on it and until when nobody else does: what finishes it names this very lease.
    lease uuid,
    leased_until timestamptz,
    created_at timestamptz NOT NULL,
    done_at timestamptz,
    last_error text CHECK (char_length(last_error) <= 300),
    CONSTRAINT jobs_pkey PRIMARY KEY (bus_id, booking_id, job_id),
    FOREIGN KEY (bus_id, booking_id) REFERENCES bookings (bus_id, booking_id),
    FOREIGN KEY (bus_id, operator_id) REFERENCES buses (bus_id, operator_id),
    CONSTRAINT jobs_lease_shape CHECK (
        (lease IS NULL) = (leased_until IS NULL) AND (lease IS NULL OR state = 'QUEUED')
    ),
    CONSTRAINT jobs_state_shape CHECK ((state = 'DONE') = (done_at IS NOT NULL))
) WITH (fillfactor = 70);
CREATE INDEX jobs_due_idx ON jobs (due_at) WHERE state = 'QUEUED';
CREATE INDEX jobs_dead_idx ON jobs (operator_id, job_id) WHERE state = 'DEAD';
CREATE INDEX jobs_age_idx ON jobs USING brin (created_at);

-- How many tries came to what, ever: a worker has no page of metrics, so it leaves its counts here.
CREATE TABLE job_counts (
    kind text NOT NULL CHECK (kind ~ '^[A-Z_]{3,30}$'),
    outcome text NOT NULL CHECK (outcome ~ '^[a-z_]{3,30}$'),
    tries bigint NOT NULL CHECK (tries >= 0),
    CONSTRAINT job_counts_pkey PRIMARY KEY (kind, outcome)
) WITH (fillfactor = 70);

GRANT SELECT, INSERT ON jobs TO omnibus_app, omnibus_worker;
-- Staff tries what was given up once more, or lets it be; leases are the worker's.
GRANT UPDATE (state, attempts, due_at, done_at, last_error) ON jobs TO omnibus_app, omnibus_worker;
GRANT UPDATE (lease, leased_until) ON jobs TO omnibus_worker;
GRANT DELETE ON jobs TO omnibus_worker;
GRANT SELECT (
    bus_id, booking_id, job_id, operator_id, kind, state, attempts, due_at, leased_until, created_at, done_at
) ON jobs TO omnibus_readonly;
GRANT SELECT ON job_counts TO omnibus_app, omnibus_worker, omnibus_readonly;
GRANT INSERT, UPDATE (tries) ON job_counts TO omnibus_worker;

ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE jobs FORCE ROW LEVEL SECURITY;
CREATE POLICY jobs_of_operator ON jobs
USING (operator_id = any((SELECT operators_in_scope())::integer[]));
-- A worker takes whatever is due, whosever it is, without asking first who there is. Whoever may become one, as the
-- owner may, is none yet.
CREATE POLICY jobs_of_worker ON jobs TO omnibus_worker USING (current_user = 'omnibus_worker');
