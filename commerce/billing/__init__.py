"""Bills, credit, and money on its way in and back."""
