"""Outgoing webhooks: what operators' systems are told, how it is signed, and how it gets there without harm."""
