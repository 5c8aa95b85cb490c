"""The demo vendor: its help centre, its customers and what they did."""
