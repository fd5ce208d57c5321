-- name: find_head
-- How far the primary has made its log durable: every commit that was acknowledged by now lies before. NULL on a
-- server that is none.
SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END AS head;

-- name: look
-- What a standby says of itself. Its last transaction may be old because nothing is sold, so time alone says little.
SELECT
    pg_is_in_recovery() AS is_standby,
    pg_last_wal_replay_lsn() AS replayed,
    extract(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp())::double precision AS seconds_since;

-- name: find_replayed
-- How far a standby shows the log.
SELECT pg_last_wal_replay_lsn() AS replayed;

-- name: identify
-- Which installation of PostgreSQL this is: a standby has the number of its primary.
SELECT system_identifier FROM pg_control_system();
