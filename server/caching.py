"""What caches between us and readers may keep of the API, and for how long: docs/caching.md.

Everything that is not named here is told to one caller, and no cache keeps it.
"""

JSON = (b"content-type", b"application/json")

REVALIDATED = (b"cache-control", b"no-cache")
"""Kept anywhere, shown only after we were asked whether it is still true."""

LISTING_CACHE = (b"cache-control", b"public, max-age=0, s-maxage=1, stale-while-revalidate=4")
"""Browsers ask every time, mostly for a 304; a CDN asks once a second for everybody, five seconds late at worst."""

DAYS_CACHE = (b"cache-control", b"public, max-age=20, s-maxage=20, stale-while-revalidate=40")
"""As long as the store keeps them: whoever goes back and forth asks nobody."""

PLACES_CACHE = (b"cache-control", b"public, max-age=60, s-maxage=300, stale-while-revalidate=600")
"""Stops and operators: names, which change once in a blue moon."""
