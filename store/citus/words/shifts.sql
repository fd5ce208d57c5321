-- name: take_time
-- What a shift came to is read on all servers and then written to a copied table: that takes one connection a server.
SELECT set_config('statement_timeout', '30s', true), set_config('citus.multi_shard_modify_mode', 'sequential', true);
