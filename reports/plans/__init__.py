"""The communication plan: what is promised to whom, who belongs to it, and whether it was kept."""
