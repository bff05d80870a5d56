"""Statistics on arrays: no tables, no names of the business, no drawing."""
