"""Orders: from placed to active, or cancelled before that."""
