"""Replays a real retailer's invoices through the public client, and compares to the last unit and penny."""
