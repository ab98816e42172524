"""What an update must say before it is published, and how strictly."""
