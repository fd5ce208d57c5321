"""Growing past one primary: what differs when the database is spread over a Citus cluster. See docs/citus.md."""
