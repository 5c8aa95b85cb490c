"""The outside world on one machine: what `make run`, the tests and the benchmarks stand on.

Nothing in the application imports this package.
"""
