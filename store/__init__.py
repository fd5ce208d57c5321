"""The store: PostgreSQL decides who owns a seat. One public operation is one transaction.

`Store` is its face; `store.model`, `store.errors` and `store.events` are the words it speaks.
"""

from store.facade import Store

__all__ = ["Store"]
