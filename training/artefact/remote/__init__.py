"""A models store in object storage: its layout, and how a version of it is pushed and fetched.

Only `push` and the process that fetches a version import obstore, which is an optional package.
"""
