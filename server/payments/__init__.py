"""Money at providers: what is asked of them, what they say, and what is made of it."""
