"""The HTTP interface of a node: JSON-RPC 2.0, the same read methods as REST, a binary route, health and metrics.

``methods.py`` is the one table of methods; validation, REST routes and documentation derive from it. ``convert.py``
defines how values look in JSON. ``server.py`` holds everything that knows aiohttp.
"""
