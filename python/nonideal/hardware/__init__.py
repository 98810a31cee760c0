"""What the machine does, and how it errs."""
