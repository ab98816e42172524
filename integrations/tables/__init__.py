"""Tables from outside (CSV, Excel, JSON) made into programs, milestones and what hangs on them."""
