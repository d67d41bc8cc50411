"""Metrics of the service for Prometheus.

`counters` and `rating_counters` count in each process, `worker_files` shares the counts with the other
workers, and `exporter` writes the sums in the formats of Prometheus.
"""
