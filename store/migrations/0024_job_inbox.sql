-- What has been done about a job, so that a second delivery of it does not do it again.
-- timeout: 1min
-- squawk-ignore-file constraint-missing-not-valid, adding-foreign-key-constraint, prefer-robust-stmts

-- A row is written in the transaction of its effect, or right after it, and lives as long as its job.
CREATE TABLE job_inbox (
    bus_id bigint NOT NULL,
    booking_id bigint NOT NULL,
    job_id uuid NOT NULL,
    handler text NOT NULL CHECK (handler ~ '^[!-~]{1,200}$'),
    CONSTRAINT job_inbox_pkey PRIMARY KEY (bus_id, booking_id, job_id, handler),
    FOREIGN KEY (bus_id, booking_id, job_id) REFERENCES jobs (bus_id, booking_id, job_id) ON DELETE CASCADE
);

GRANT SELECT, INSERT ON job_inbox TO omnibus_worker;
