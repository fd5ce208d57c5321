"""Timetables that staff uploads: the desk takes them in, a clerk in a process of its own imports them."""
