"""A festival rush, played against a running server: real requests, by people and programs who are made up."""
