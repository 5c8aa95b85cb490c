"""What companies own, and what they change about it."""
