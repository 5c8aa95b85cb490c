"""What a company has, what it wishes for, and what that would cost."""
