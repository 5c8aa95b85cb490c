"""What the law gives people: consent, terms, a copy of their data, erasure, and an end to what is kept."""
