"""The weekly loop where it crosses apps: updates that are due or late, and the agenda of a program's sync."""
