-- name: take_time
-- Buses of all servers are asked about before a copied table is written: that takes one connection a server.
SELECT set_config('statement_timeout', '10s', true), set_config('citus.multi_shard_modify_mode', 'sequential', true);
