"""What the service counts of itself, and how Prometheus is told.

Counting is plain arithmetic in the process that answers (`counters`, `rating_counters`); `worker_files`
shares it with the other workers; `exposition` turns the sum into Prometheus's text, and `exporter` does both
when it is time.
"""
