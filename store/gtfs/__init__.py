"""Importing timetables in GTFS: `read_feed`, then `make_plan`, then `load`."""

from store.gtfs.feed import read_feed
from store.gtfs.load import Loaded, Step, Terms, load
from store.gtfs.plan import Plan, Wish, make_plan

__all__ = ["Loaded", "Plan", "Step", "Terms", "Wish", "load", "make_plan", "read_feed"]
