"""Mails on their way out: what they say, how they are written, where they go."""
