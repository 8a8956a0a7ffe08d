"""What is looked at before a log is opened, and why one is not."""
