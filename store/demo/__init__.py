"""A world to look at before there is a real one: three operators, two weeks of buses, some of them half sold."""

from store.demo.load import WorldReport, is_for_demo, load_world

__all__ = ["WorldReport", "is_for_demo", "load_world"]
