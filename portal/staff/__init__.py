"""Pages of the admin that several apps contribute to."""
