"""What a panel looks like."""
