"""What we compute."""
