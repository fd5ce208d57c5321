"""Waiting rooms: who may take seats while a crowd stands before a bus. docs/waiting-room.md has the rules."""
