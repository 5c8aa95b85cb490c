"""What the vendor sells, to whom, and at which price."""
