"""Run blocks of rows on several machines with Ray, which only this package imports (docs/cluster.md)."""
